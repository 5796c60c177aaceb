// The first page: all dags with their next and last runs, and what ran lately.

import { get, repeat, sleep } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { plural, shortTime } from "./format.js";
import { dagLink, due, runTable, squares } from "./parts.js";

const MANY = 8;

export const title = () => "";

export async function show(main, { signal }) {
  let seq = -1;
  let wanted = "";
  let shown = null;
  const filter = h("input", { type: "search", placeholder: "Filter dags", "aria-label": "Filter dags by name or tag", "data-search": true, "data-keep": true });
  filter.addEventListener("input", () => {
    wanted = filter.value.trim().toLowerCase();
    if (shown) draw();
  });
  const draw = () => morphChildren(main, view(shown.list, shown.runs, wanted, filter));
  await repeat(signal, async () => {
    seq = (await get(`/changes?since=${seq}&wait=${seq < 0 ? 0 : 25}`, signal)).seq;
    const [list, recent] = await Promise.all([get("/dags", signal), get("/runs?limit=25", signal)]);
    shown = { list, runs: recent.runs };
    draw();
    await sleep(300, signal);
  });
}

function view(list, runs, wanted, filter) {
  const found = list.dags.filter((dag) => !wanted || [dag.id, dag.owner, ...dag.tags].some((text) => text.toLowerCase().includes(wanted)));
  return [
    h("section", { "data-key": "dags" },
      h("div", { class: "heading" },
        h("h1", {}, plural(list.dags.length, "dag")),
        list.dags.length > MANY && runs.length > 0 && h("a", { href: "#runs", class: "to" }, "Recent runs"),
        list.dags.length > MANY && filter),
      found.length ? dagTable(found) : h("p", { class: "empty" }, list.dags.length ? "No dag of that name or tag." : "This program has no dags.")),
    h("section", { "data-key": "runs", id: "runs" },
      h("div", { class: "heading" }, h("h2", {}, "Recent runs")),
      runTable(runs, { withDag: true })),
  ];
}

function dagTable(dags) {
  const rows = dags.map((dag) =>
    h("tr", { "data-key": dag.id },
      h("td", { class: "c-name" },
        h("a", { href: dagLink(dag.id), class: "row" }, dag.id),
        dag.silenced_until && h("span", { class: "quiet" }, "silenced until ", shortTime(dag.silenced_until)),
        dag.doc && h("span", { class: "quiet doc" }, dag.doc.trim().split("\n")[0])),
      h("td", { class: "c-schedule" }, schedule(dag)),
      h("td", { class: "c-next" }, next(dag)),
      h("td", { class: "c-squares" }, dag.last_runs.length ? squares(dag.last_runs) : h("span", { class: "none" }, "no run yet")),
      h("td", { class: "c-do" }, h("button", { type: "button", "data-trigger": dag.id, "aria-label": `Run ${dag.id} now` }, "Run"))));
  return h("table", { class: "dags" },
    h("thead", {}, h("tr", {},
      h("th", {}, "dag"), h("th", {}, "schedule"), h("th", {}, "next run"), h("th", {}, "last runs"), h("th", {}, h("span", { class: "unseen" }, "actions")))),
    h("tbody", {}, rows));
}

// When it runs next, or why it does not.
export function next(dag) {
  if (dag.paused) return h("span", { class: "quiet" }, "paused");
  if (dag.problem) return h("span", { class: "quiet", title: dag.problem }, "unknown");
  return due(dag.next_run_at);
}

export function schedule(dag) {
  if (!dag.schedules.length) return h("span", { class: "quiet" }, "on trigger only");
  return h("span", { title: dag.timezone },
    dag.schedules.map((text, index) => [index ? " + " : "", h("code", {}, text)]),
    dag.timezone !== "UTC" && h("span", { class: "quiet zone" }, dag.timezone));
}
