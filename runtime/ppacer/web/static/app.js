// Which view an address names, links without reloading, keys, and clocks that tick.

import { post, Refused, part } from "./api.js";
import { h } from "./dom.js";
import { ahead, milliseconds, relative, running } from "./format.js";
import * as dag from "./dag.js";
import * as home from "./home.js";
import * as run from "./run.js";

const main = document.getElementById("main");
const crumbs = document.getElementById("crumbs");
const toast = document.getElementById("toast");
let current = null;

function route(path) {
  const [, kind, id, rest] = path.split("/");
  if (path === "/") return { view: home };
  if (kind === "dags" && id && rest === undefined) return { view: dag, id: decodeURIComponent(id) };
  if (kind === "runs" && id && rest === undefined) return { view: run, id: decodeURIComponent(id) };
  return null;
}

async function open() {
  const path = location.pathname;
  if (current?.path === path) {
    dispatchEvent(new Event("ppacer:query"));
    return;
  }
  current?.abort.abort();
  const abort = new AbortController();
  current = { path, abort };
  const found = route(path);
  main.replaceChildren();
  if (!found) return fail("There is no such page.");
  const name = found.view.title(found.id);
  crumb(name ? [name] : null);
  try {
    await found.view.show(main, {
      id: found.id,
      signal: abort.signal,
      query: () => new URLSearchParams(location.search),
      crumb: (before) => crumb(before, [name]),
    });
  } catch (error) {
    if (abort.signal.aborted) return;
    if (!(error instanceof Refused)) console.error(error);
    fail(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  }
}

function crumb(...parts) {
  const shown = parts.filter(Boolean);
  crumbs.replaceChildren(...shown.flatMap(([text, href]) => [h("span", { class: "sep", "aria-hidden": "true" }, "/"), href ? h("a", { href }, text) : h("span", {}, text)]));
  document.title = [...shown.map(([text]) => text).reverse(), "ppacer"].join(" · ");
}

function fail(text) {
  main.replaceChildren(h("p", { class: "empty" }, text, " ", h("a", { href: "/" }, "All dags")));
}

function go(href) {
  const before = location.pathname;
  history.pushState(null, "", href);
  open();
  if (location.pathname !== before) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

async function act(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    toast.textContent = error.message;
    toast.hidden = false;
    setTimeout(() => { toast.hidden = true; }, 6000);
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.trigger) act(button, async () => {
    const made = await post(`/dags/${part(button.dataset.trigger)}/runs`, {});
    go(`/runs/${part(made.id)}`);
  });
  if (button?.dataset.cancel && confirm("Cancel this run? Tasks that run now are stopped.")) {
    act(button, () => post(`/runs/${part(button.dataset.cancel)}/cancel`, {}));
  }
  const link = event.target.closest("a[href]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.hash || url.pathname.startsWith("/static/")) return;
  event.preventDefault();
  go(link.getAttribute("href") === "?" ? url.pathname : url.href);
});

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || !(event.target instanceof Element)) return;
  if (event.target.matches("input")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const rows = [...main.querySelectorAll("a.row")];
  const here = rows.indexOf(document.activeElement);
  if (event.key === "j") rows[Math.min(rows.length - 1, here + 1)]?.focus();
  else if (event.key === "k") rows[Math.max(0, here - 1)]?.focus();
  else if (event.key === "/") main.querySelector("[data-search]")?.focus();
  else if (event.key === "Escape" && location.search) go(location.pathname);
  else return;
  event.preventDefault();
});

addEventListener("popstate", open);
setInterval(() => {
  for (const each of main.querySelectorAll("[data-relative]")) each.textContent = relative(each.dataset.relative);
  for (const each of main.querySelectorAll("[data-due]")) each.textContent = ahead(each.dataset.due);
  for (const each of main.querySelectorAll("[data-since]")) each.textContent = running((Date.now() - milliseconds(each.dataset.since)) / 1000);
}, 1000);
fetch("/health").then((response) => response.json()).then((health) => {
  document.getElementById("program").textContent = health.program;
}, () => {});
open();
