// The first page: all dags with how they did lately and when they run next; search, tags and states as filters.

import { get, may, search } from "./api.js";
import { Rows } from "./dags_rows.js";
import { h, morphChildren } from "./dom.js";
import { here, plural } from "./format.js";
import { follow, frame } from "./live.js";
import { choices } from "./parts.js";

const FIRST = 40; // dags of the first answer, which first.js asks for: the first screen and what is near to it
const PAGE = 250; // dags of the answers after that

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
  let list = null; // {dags, total, mark, next}: what has come of the list, and what to go on behind
  const box = h("input", { type: "search", placeholder: "Search dags", "aria-label": "Search dags by name, tag, owner or words", "data-search": true });
  box.value = query().get("q") ?? "";
  box.addEventListener("input", () => change({ q: box.value.trim() }));
  const count = h("span", { class: "quiet" });
  const filters = h("div", { class: "filters" });
  const head = h("section", { class: "top" }, h("div", { class: "heading" }, h("h1", {}, "Dags ", count), box), filters);
  const table = frameOf(operator);
  const rows = new Rows(table, operator, signal);
  const said = h("p", { class: "unseen", role: "status" });
  const empty = h("div", { class: "nothing", hidden: true });
  table.hidden = true;
  main.replaceChildren(head, table, empty, said);

  const draw = () => {
    const asked = query();
    const found = list.dags.filter(filter(asked));
    if (document.activeElement !== box) box.value = asked.get("q") ?? "";
    count.textContent = found.length === list.dags.length ? list.total : `${found.length} of ${list.total}`;
    morphChildren(filters, chips(list.dags, asked));
    rows.show(found);
    table.hidden = !found.length;
    if (list.next) return; // more is to come: what there is not is not known yet
    empty.hidden = found.length > 0;
    if (!found.length) empty.replaceChildren(...nothing(list));
    const text = `${plural(found.length, "dag")} shown`;
    if (said.textContent !== text) said.textContent = text;
  };
  addEventListener("ppacer:query", () => { if (list) draw(); }, { signal });
  await follow(signal, async () => {
    if (list && !list.next) {
      const told = await get(`/dags${search({ since: list.mark })}`, signal);
      list = told.complete ? told : merged(list, told);
      return draw();
    }
    do {
      const told = await get(`/dags${search(list ? { after: list.next, limit: PAGE } : { limit: FIRST })}`, signal);
      list = list ? { ...list, dags: [...list.dags, ...told.dags], next: told.next } : told;
      draw();
      await frame(); // what has come is painted before more is asked for
    } while (list.next && !signal.aborted);
    return undefined;
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

function frameOf(operator) {
  const columns = [["dag", ""], ["last runs", ""], [`next run`, here], ["schedule", ""], [operator ? "actions" : "", ""]];
  return h("table", { class: "dags list", role: "table", "aria-label": "Dags" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(([text, note]) =>
      h("th", { role: "columnheader", scope: "col" }, text === "actions" ? h("span", { class: "unseen" }, text) : text, note && h("span", { class: "note" }, ` ${note}`))))));
}

function nothing(list) {
  if (list.dags.length) return [h("p", {}, "No dag fits."), h("p", {}, h("a", { href: "?" }, "Show all dags"))];
  return [h("p", {}, "This program has no dags."), h("p", {}, "Declare one in its .ppd file, build it and start it again.")];
}
