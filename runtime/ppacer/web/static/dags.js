// The first page: all dags with how they did lately and when they run next; search, tags and states as filters.

import { get, may, search } from "./api.js";
import { h, morph, morphChildren } from "./dom.js";
import { here, plural, shortTime } from "./format.js";
import { follow } from "./live.js";
import { choices, dagLink, next, none, schedule, squares } from "./parts.js";

const AT_ONCE = 40; // rows that are made before the first paint; the others follow, some per frame
const PER_FRAME = 60;

export const title = () => "Dags";

// The states that dags are filtered by: what to look at, in the order in which people look.
const STATES = [
  ["failing", "last run failed", "failed", (dag) => ["failed", "timed_out", "lost"].includes(latest(dag)?.status)],
  ["running", "running", "running", (dag) => dag.active_runs > 0],
  ["paused", "paused", null, (dag) => dag.paused],
  ["silenced", "silenced", null, (dag) => Boolean(dag.silenced_until)],
  ["troubled", "schedule fails", null, (dag) => Boolean(dag.problem)],
  ["never", "never ran", null, (dag) => !dag.last_runs.length],
];
// The latest run that has ended says how the dag does; what runs now does not hide it.
const latest = (dag) => dag.last_runs.find((run) => run.finished_at) ?? null;

export async function show(main, { signal, query, change }) {
  const operator = await may("operator");
  const rows = new Map();
  let list = null;
  const box = h("input", { type: "search", placeholder: "Search dags", "aria-label": "Search dags by name, tag, owner or words", "data-search": true });
  box.value = query().get("q") ?? "";
  box.addEventListener("input", () => change({ q: box.value.trim() }));
  const count = h("span", { class: "quiet" });
  const filters = h("div", { class: "filters" });
  const head = h("section", { class: "top" }, h("div", { class: "heading" }, h("h1", {}, "Dags ", count), box), filters);
  const body = h("tbody", { role: "rowgroup" });
  const table = frame(body, operator);
  const said = h("p", { class: "unseen", role: "status" });
  const empty = h("div", { class: "nothing", hidden: true });
  main.replaceChildren(head, table, empty, said);

  const draw = () => {
    const asked = query();
    const wanted = filter(asked);
    const found = list.dags.filter(wanted);
    if (document.activeElement !== box) box.value = asked.get("q") ?? "";
    const total = list.dags.length;
    count.textContent = found.length === total ? total : `${found.length} of ${total}`;
    morphChildren(filters, chips(list.dags, asked));
    for (const dag of list.dags) {
      const known = rows.get(dag.id);
      if (!known) rows.set(dag.id, { dag, element: null });
      else if (known.dag !== dag) {
        known.dag = dag;
        if (known.element) morph(known.element, row(dag, operator));
      }
    }
    fill(body, found.map((dag) => rows.get(dag.id)), operator);
    table.hidden = !found.length;
    empty.hidden = found.length > 0;
    if (!found.length) empty.replaceChildren(...nothing(list));
    const text = `${plural(found.length, "dag")} shown`;
    if (said.textContent !== text) said.textContent = text;
  };
  addEventListener("ppacer:query", () => { if (list) draw(); }, { signal });
  await follow(signal, async () => {
    const told = await get(`/dags${search({ since: list?.mark })}`, signal);
    list = told.complete || !list ? told : merged(list, told);
    draw();
  });
}

// The list as it is now: what is told of some dags, and of the others what was told before.
function merged(list, told) {
  const fresh = new Map(told.dags.map((dag) => [dag.id, dag]));
  return { ...told, dags: list.dags.map((dag) => fresh.get(dag.id) ?? dag) };
}

function filter(asked) {
  const text = (asked.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const state = STATES.find(([name]) => name === asked.get("state"));
  const tag = asked.get("tag");
  return (dag) =>
    (!tag || dag.tags.includes(tag)) &&
    (!state || state[3](dag)) &&
    text.every((word) => [dag.id, dag.owner, dag.doc, ...dag.tags].some((held) => held.toLowerCase().includes(word)));
}

function chips(dags, asked) {
  const tags = new Map();
  for (const dag of dags) for (const tag of dag.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  const states = STATES.map(([value, text, status, fits]) => ({ value, text, status, count: dags.filter(fits).length }))
    .filter(({ count, value }) => count || value === asked.get("state"));
  return [
    choices("state", [{ value: "", text: "all" }, ...states], asked.get("state"), { label: "State", query: asked }),
    tags.size > 0 && choices("tag", [...tags].sort(([a], [b]) => a.localeCompare(b)).slice(0, 24).map(([value, count]) => ({ value, text: value, count })), asked.get("tag"), { label: "Tag", query: asked }),
  ];
}

const cell = (name, ...children) => h("td", { role: "cell", class: name }, children);

function frame(body, operator) {
  const columns = [["dag", ""], ["last runs", ""], [`next run`, here], ["schedule", ""], [operator ? "actions" : "", ""]];
  return h("table", { class: "dags list", role: "table", "aria-label": "Dags" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(([text, note]) =>
      h("th", { role: "columnheader", scope: "col" }, text === "actions" ? h("span", { class: "unseen" }, text) : text, note && h("span", { class: "note" }, ` ${note}`))))),
    body);
}

function row(dag, operator) {
  return h("tr", { role: "row", "data-key": dag.id, class: dag.paused ? "off" : null },
    cell("c-name",
      h("a", { href: dagLink(dag.id), class: "row" }, dag.id),
      dag.tags.map((tag) => h("a", { class: "tag", href: search({ tag }) }, tag)),
      dag.silenced_until && h("span", { class: "state" }, "silenced until ", shortTime(dag.silenced_until)),
      dag.doc && h("span", { class: "doc" }, dag.doc.trim().split("\n")[0])),
    cell("c-tiles", dag.last_runs.length ? squares(dag.last_runs) : none("no run yet"), dag.queued_runs > 0 && h("span", { class: "state" }, `${dag.queued_runs} queued`)),
    cell("c-next", next(dag)),
    cell("c-schedule", schedule(dag)),
    cell("c-do", operator && [
      h("button", { type: "button", "data-do": "run", "data-dag": dag.id, "aria-label": `Run ${dag.id}` }, "Run"),
      dag.schedules.length > 0 && h("button", { type: "button", class: "plain", "data-do": dag.paused ? "resume" : "pause", "data-dag": dag.id, "aria-label": `${dag.paused ? "Resume" : "Pause"} ${dag.id}` }, dag.paused ? "Resume" : "Pause")]));
}

// Puts the rows in their order and leaves alone those that are there; makes the first ones now, the others by and by.
function fill(body, wanted, operator) {
  const turn = (body.turn = (body.turn ?? 0) + 1);
  const kept = new Set(wanted.map((each) => each.element).filter(Boolean));
  for (const element of [...body.children]) if (!kept.has(element)) element.remove();
  let place = body.firstChild;
  let index = 0;
  const put = (most) => {
    const end = Math.min(wanted.length, index + most);
    for (; index < end; index += 1) {
      const each = wanted[index];
      each.element ??= row(each.dag, operator);
      if (each.element === place) place = place.nextSibling;
      else body.insertBefore(each.element, place);
    }
    if (index < wanted.length) requestAnimationFrame(() => { if (body.turn === turn) put(PER_FRAME); });
  };
  put(Math.max(AT_ONCE, kept.size));
}

function nothing(list) {
  if (list.dags.length) return [h("p", {}, "No dag fits."), h("p", {}, h("a", { href: "?" }, "Show all dags"))];
  return [h("p", {}, "This program has no dags."), h("p", {}, "Declare one in its .ppd file, build it and start it again.")];
}
