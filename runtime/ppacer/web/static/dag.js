// One dag: what it is and how it stands, and below that one of its tabs. Each tab is a module with `open(place, context)`,
// which gives what to call now and after each change: `look(detail)`.

import { get, may, part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { plural, shortTime } from "./format.js";
import { follow } from "./live.js";
import { imported } from "./modules.js";
import { dagLink, fact, next, schedule, squares } from "./parts.js";

const TABS = {
  grid: ["Grid", () => import("./dag_grid.js")],
  graph: ["Graph", () => import("./dag_graph.js")],
  calendar: ["Calendar", () => import("./dag_calendar.js")],
  durations: ["Durations", () => import("./dag_durations.js")],
  tasks: ["Tasks", () => import("./dag_tasks.js")],
  source: ["Source", () => import("./dag_source.js")],
  versions: ["Versions", () => import("./dag_versions.js")],
  schedule: ["Schedule", () => import("./dag_schedule.js")],
  history: ["History", () => import("./dag_history.js")],
};
const FORM = ["Run", () => import("./dag_run.js")];

export const title = (id, tab) => [tab && (tab === "run" ? FORM : TABS[tab])?.[0], id].filter(Boolean).join(" · ");

export async function show(main, context) {
  const { id, tab = "grid", signal, crumb } = context;
  const found = tab === "run" ? FORM : Object.hasOwn(TABS, tab) ? TABS[tab] : null;
  if (!found) throw new Error(`a dag has no view “${tab}”`);
  crumb();
  const [operator, { open }] = await Promise.all([may("operator"), imported(found[1])]);
  const head = h("section", { class: "top" });
  const place = h("section", { class: `tab-${tab}`, "aria-label": found[0] });
  let look = null;
  await follow(signal, async () => {
    const detail = await get(`/dags/${part(id)}`, signal);
    morphChildren(head, heading(detail, tab, operator));
    if (!look) {
      main.replaceChildren(head, place);
      look = open(place, { ...context, operator });
      for (const chosen of head.querySelectorAll(".tabs [aria-current]")) chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    await look(detail);
  });
}

function heading({ dag, tasks }, tab, operator) {
  const words = (dag.doc ?? "").trim();
  const [first, ...rest] = words.split(/\n\s*\n/);
  return [
    h("div", { class: "heading", "data-key": "heading" },
      h("h1", {}, dag.id),
      dag.paused && h("span", { class: "state" }, "paused"),
      dag.silenced_until && h("span", { class: "state" }, `silenced until ${shortTime(dag.silenced_until)}`),
      h("div", { class: "fields" }, operator && buttons(dag, tab))),
    words && h("p", { class: "prose", "data-key": "doc" }, first),
    rest.length > 0 && h("details", { class: "more", "data-key": "more" }, h("summary", {}, "More"), h("p", { class: "prose" }, rest.join("\n\n"))),
    h("dl", { class: "facts", "data-key": "facts" },
      fact("last runs", dag.last_runs.length ? squares(dag.last_runs) : "none yet"),
      fact("next run", next(dag)),
      dag.schedules.length > 0 && fact("schedule", schedule(dag)),
      fact("tasks", String(tasks.length)),
      dag.active_runs > 0 && fact("under way", plural(dag.active_runs, "run")),
      dag.queued_runs > 0 && fact("queued", plural(dag.queued_runs, "run")),
      dag.owner && fact("owner", dag.owner),
      dag.tags.length > 0 && fact("tags", dag.tags.map((tag) => h("a", { class: "tag", href: `/?tag=${part(tag)}` }, tag))),
      dag.problem && fact("problem", h("span", { class: "bad" }, dag.problem))),
    h("nav", { class: "tabs", "aria-label": `Views of ${dag.id}`, "data-key": "tabs" }, Object.entries(TABS).map(([name, [text]]) =>
      h("a", { href: dagLink(dag.id, name === "grid" ? null : name), "aria-current": name === tab ? "page" : null }, text))),
  ];
}

function buttons(dag, tab) {
  const button = (action, text) => h("button", { type: "button", "data-do": action, "data-dag": dag.id, "data-key": action }, text);
  return [
    dag.silenced_until ? button("unsilence", "Alert again") : button("silence", "Silence"),
    dag.schedules.length > 0 && (dag.paused ? button("resume", "Resume") : button("pause", "Pause")),
    h("a", { class: "button strong", href: dagLink(dag.id, "run"), "aria-current": tab === "run" ? "page" : null, "data-key": "run" }, "Run"),
  ];
}
