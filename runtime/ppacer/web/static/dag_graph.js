// The dag as a picture: its tasks where the build has put them, as they were in the latest run; beside it the picked one.

import { get, part, search } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { callable, elapsed, plural } from "./format.js";
import { Graph } from "./graph.js";
import { badge, dagLink, fact, moment, runLink } from "./parts.js";
import { settings } from "./dag_tasks.js";

export function open(place, { id, signal, query, change }) {
  const said = h("p", { class: "quiet note" });
  const picked = h("div", { class: "of-task", "aria-live": "polite" });
  let graph = null;
  let tasks = [];
  let cells = new Map();
  let run = null;
  const draw = () => {
    const task = tasks.find((each) => each.id === query().get("task")) ?? null;
    graph.select(task?.id ?? null);
    morphChildren(picked, task ? [about(task, id, run, cells.get(task.id))] : []);
  };
  addEventListener("ppacer:query", () => { if (graph) draw(); }, { signal });
  return async (detail) => {
    ({ tasks } = detail);
    const grid = await get(`/dags/${part(id)}/grid${search({ limit: 1 })}`, signal);
    run = grid.runs[0]?.run ?? null;
    cells = new Map(run ? grid.tasks.map((task, index) => [task.id, grid.runs[0].cells[index]]).filter(([, cell]) => cell) : []);
    if (!graph) {
      graph = new Graph({
        tasks: tasks.map((task) => ({ id: task.id, parents: task.parents, x: task.x, y: task.y, below: callable(task.callable), kind: task.over ? "family" : task.handler === "none" ? "task" : "handler" })),
        pick: (task) => change({ task }),
        label: `The tasks of ${id}`,
        list: dagLink(id, "tasks"),
      });
      place.replaceChildren(said, graph.element, picked);
    }
    said.replaceChildren(...(run ? ["As they were in the ", h("a", { href: runLink(run) }, "latest run"), ", planned for ", moment(run.scheduled_at), "."] : ["It has not run yet."]));
    graph.show(new Map([...cells].map(([name, cell]) => [name, { status: cell.status, below: cell.counts ? plural(Object.values(cell.counts).reduce((sum, count) => sum + count, 0), "member") : undefined }])));
    draw();
  };
}

function about(task, id, run, cell) {
  return h("div", { class: "card", "data-key": task.id },
    h("div", { class: "heading" }, h("h2", {}, task.id), cell && badge(cell.status), h("a", { href: "?" }, "Close")),
    task.doc && h("p", { class: "prose" }, task.doc.trim()),
    h("dl", { class: "facts" },
      fact("runs", h("code", {}, callable(task.callable))),
      fact("declared at", task.at),
      task.parents.length > 0 && fact("after", task.parents.join(", ")),
      fact("settings", settings(task)),
      cell && cell.seconds !== null && fact("took", elapsed(cell.seconds))),
    h("p", {}, h("a", { href: `${dagLink(id, "source")}?task=${part(task.id)}` }, "Its source"), cell && [" · ", h("a", { href: `${runLink(run)}?task=${part(task.id)}` }, "In the latest run")]));
}
