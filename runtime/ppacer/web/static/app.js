// Which view an address names, links without reloading, keys, and clocks that tick.

import { actions, showTheme } from "./actions.js";
import { may, me, Refused } from "./api.js";
import { tell } from "./dialog.js";
import { h } from "./dom.js";
import { ahead, milliseconds, relative, running } from "./format.js";
import { imported } from "./modules.js";

const main = document.getElementById("main");
const program = document.getElementById("program");
let current = null;

// The views, loaded when they are first shown. Each has `title(id)` and `show(main, context)`.
const VIEWS = {
  dags: () => import("./dags.js"),
  dag: () => import("./dag.js"),
  runs: () => import("./runs.js"),
  run: () => import("./run.js"),
  system: () => import("./system.js"),
};

// `key` stays the same as long as the view itself handles what changes in the address.
function route(path) {
  const [, kind, id, tab, rest] = path.split("/");
  if (path === "/") return { name: "dags", part: "dags", key: path };
  if (rest !== undefined) return null;
  if (kind === "dags" && id) return { name: "dag", part: "dags", id: decodeURIComponent(id), tab, key: path };
  if (kind === "runs" && id) return { name: "run", part: "runs", id: decodeURIComponent(id), tab, key: `/runs/${id}` };
  if (path === "/runs") return { name: "runs", part: "runs", key: path };
  if (path === "/system") return { name: "system", part: "system", key: path };
  return null;
}

async function open() {
  const found = route(location.pathname);
  if (current && current.key === found?.key) {
    dispatchEvent(new Event("ppacer:query"));
    return;
  }
  if (current) globalThis.asked.clear(); // that was for the first view
  const same = current && found && current.name === found.name && current.id === found.id;
  current?.abort.abort();
  const abort = new AbortController();
  current = { ...found, abort };
  if (!same) main.replaceChildren();
  for (const link of document.querySelectorAll("nav [data-part]")) {
    if (link.dataset.part === found?.part) link.setAttribute("aria-current", link.getAttribute("href") === location.pathname ? "page" : "true");
    else link.removeAttribute("aria-current");
  }
  if (!found) return fail("There is no such page.");
  try {
    const view = await imported(VIEWS[found.name]);
    if (abort.signal.aborted) return;
    name(view.title(found.id, found.tab));
    await view.show(main, {
      id: found.id,
      tab: found.tab,
      signal: abort.signal,
      query: () => new URLSearchParams(location.search),
      crumb: (before) => name(view.title(found.id, found.tab), before?.[0]),
      go,
      change,
    });
  } catch (error) {
    if (abort.signal.aborted) return;
    if (!(error instanceof Refused)) console.error(error);
    fail(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  }
}

function name(...parts) {
  document.title = [...parts, program.textContent].filter(Boolean).join(" · ");
}

function fail(text) {
  main.replaceChildren(h("div", { class: "nothing" }, h("p", {}, text), h("p", {}, h("a", { href: "/" }, "All dags"))));
}

// Goes to an address, as a link does.
function go(href) {
  const before = location.pathname;
  history.pushState(null, "", href);
  open();
  if (location.pathname !== before) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

// Changes parts of the query string in place: what is typed into a search is no step to go back to.
function change(given) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(given)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
  dispatchEvent(new Event("ppacer:query"));
}

async function act(button, action) {
  button.setAttribute("aria-busy", "true");
  try {
    await action({ ...button.dataset }, { go });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    tell(error.message, { bad: true });
  } finally {
    button.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button && button.getAttribute("aria-busy") !== "true") {
    if (actions[button.dataset.do]) act(button, actions[button.dataset.do]);
  }
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.hash || !route(url.pathname)) return;
  event.preventDefault();
  go(link.getAttribute("href") === "?" ? url.pathname : url.href);
});

const PLACES = { d: "/", r: "/runs", s: "/system" };
const ACTS = { r: "[data-do=run], a.strong", p: "[data-do=pause], [data-do=resume]" }; // on the dag of a row, or the one that is shown
let before = "";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || !(event.target instanceof Element)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const rows = [...main.querySelectorAll("a.row")];
  const here = rows.indexOf(document.activeElement);
  const held = before;
  before = event.key;
  if (held === "g" && PLACES[event.key]) go(PLACES[event.key]);
  else if (event.key === "j") rows[Math.min(rows.length - 1, here + 1)]?.focus();
  else if (event.key === "k") rows[Math.max(0, here - 1)]?.focus();
  else if (event.key === "/") main.querySelector("[data-search]")?.focus();
  else if (event.key === "?") actions.help();
  else if (ACTS[event.key]) (rows[here]?.closest("tr")?.querySelector(ACTS[event.key]) ?? main.querySelector(`.top :is(${ACTS[event.key]})`))?.click();
  else if (event.key === "[" || event.key === "]") step(event.key === "]" ? 1 : -1);
  else if (event.key === "Escape" && location.search) go(location.pathname);
  else return;
  event.preventDefault();
});

function step(by) {
  const tabs = [...main.querySelectorAll(".tabs a")];
  const here = tabs.findIndex((tab) => tab.pathname === location.pathname); // not the one that is marked: its view may be under way
  if (here >= 0) tabs[(here + by + tabs.length) % tabs.length].click();
}

addEventListener("popstate", open);
setInterval(() => {
  for (const each of main.querySelectorAll("[data-relative]")) put(each, relative(each.dataset.relative));
  for (const each of main.querySelectorAll("[data-due]")) put(each, ahead(each.dataset.due));
  for (const each of main.querySelectorAll("[data-since]")) put(each, running((Date.now() - milliseconds(each.dataset.since)) / 1000));
}, 1000);
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

// Who may do what: what the role does not allow is not shown.
Promise.all([me(), may("operator")]).then(([{ user, role, how }, operator]) => {
  document.body.dataset.role = role;
  document.body.classList.toggle("reader", !operator);
  if (how === "open") return;
  const shown = document.getElementById("user");
  shown.replaceChildren(h("span", { class: "who" }, user), " ", h("span", { class: "role" }, role));
  shown.title = `${user}, ${role}: password, log out`;
  shown.hidden = false;
}, () => {});
showTheme();
open();
