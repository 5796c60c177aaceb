// One dag: what it is, when it runs, its tasks as compiled, its runs.

import { get, part, repeat, sleep } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { callable, fullTime, notation, plural } from "./format.js";

import { due, fact, next, runTable, schedule, squares } from "./parts.js";

export const title = (id) => id;

export async function show(main, { id, signal }) {
  let seq = -1;
  await repeat(signal, async () => {
    seq = (await get(`/changes?since=${seq}&wait=${seq < 0 ? 0 : 25}`, signal)).seq;
    const [detail, recent] = await Promise.all([
      get(`/dags/${part(id)}`, signal),
      get(`/runs?limit=50&dag=${part(id)}`, signal),
    ]);
    morphChildren(main, view(detail, recent.runs));
    await sleep(300, signal);
  });
}

function view({ dag, tasks, next_runs, params }, runs) {
  return [
    h("section", { "data-key": "dag" },
      h("div", { class: "heading" },
        h("h1", {}, dag.id),
        h("button", { type: "button", class: "strong", "data-trigger": dag.id }, "Run now")),
      dag.doc && h("p", { class: "prose" }, dag.doc.trim()),
      h("dl", { class: "facts" },
        fact("schedule", schedule(dag)),
        fact("next run", next(dag)),
        dag.silenced_until && fact("silenced until", due(dag.silenced_until)),
        dag.problem && fact("problem", dag.problem),
        dag.last_runs.length > 0 && fact("last runs", squares(dag.last_runs)),
        params.length > 0 && fact("params", params.map((param) => h("div", {}, h("code", {}, declared(param)), param.doc && h("span", { class: "quiet" }, ` ${param.doc.trim().split("\n")[0]}`)))),
        dag.tags.length > 0 && fact("tags", dag.tags.map((tag) => h("span", { class: "tag" }, tag))),
        dag.owner && fact("owner", dag.owner)),
      next_runs.length > 1 && h("details", { "data-key": "next" },
        h("summary", {}, `Next ${plural(next_runs.length, "run")}`),
        h("ol", { class: "times" }, next_runs.map((iso) => h("li", {}, fullTime(iso)))))),
    h("section", { "data-key": "tasks" },
      h("div", { class: "heading" }, h("h2", {}, plural(tasks.length, "task"))),
      h("table", { class: "tasks-of-dag" },
        h("thead", {}, h("tr", {}, h("th", {}, "task"), h("th", {}, "after"), h("th", {}, "runs"), h("th", {}, "settings"))),
        h("tbody", {}, tasks.map((task) =>
          h("tr", { "data-key": task.id },
            h("td", { class: "c-name" }, h("span", { class: "name" }, task.id), h("span", { class: "quiet" }, task.at)),
            h("td", { class: "c-after", "data-label": "after " }, task.parents.join(", ") || h("span", { class: "none" }, "–")),
            h("td", { class: "c-callable" }, h("code", { title: task.callable }, callable(task.callable))),
            h("td", { class: "c-settings quiet" }, settings(task))))))),
    h("section", { "data-key": "runs" },
      h("div", { class: "heading" }, h("h2", {}, "Runs")),
      runTable(runs, { withDag: false })),
  ];
}

const HANDLERS = { success: "on success", failure: "on failure", finally: "finally" };

// A param as its author wrote it, as far as that is known: a default that is worked out when a run is made is not.
function declared({ name, type, required, default: value }) {
  const text = `${name}: ${type}`;
  if (required) return text;
  if (value === null) return type.endsWith("?") ? text : `${text} = …`;
  if (value.$ === "duration") return `${text} = ${notation(value.v)}`;
  return `${text} = ${typeof value.v === "string" && value.$ ? value.v : JSON.stringify(value)}`;
}

function settings(task) {
  const parts = [];
  if (HANDLERS[task.handler]) parts.push(HANDLERS[task.handler]);
  if (task.over) parts.push(`for each ${task.over}`);
  if (task.trigger !== "all_success") parts.push(`trigger ${task.trigger}`);
  if (task.pool) parts.push(`pool ${task.pool}`);
  if (task.priority) parts.push(`priority ${task.priority}`);
  if (task.runs_on.length) parts.push(`on ${task.runs_on.join(", ")}`);
  if (task.retries) parts.push(plural(task.retries, "retry").replace("retrys", "retries"));
  parts.push(task.timeout === null ? "no time-out" : `time-out ${notation(task.timeout)}`);
  return parts.join(", ");
}

export { fact };
