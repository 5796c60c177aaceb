// The tasks of a dag as they were compiled.

import { part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { callable, notation, plural } from "./format.js";
import { dagLink, none } from "./parts.js";

const HANDLERS = { success: "on success", failure: "on failure", finally: "finally" };

export function open(place, { id }) {
  return ({ tasks }) => morphChildren(place, [
    h("table", { class: "tasks-of-dag cards", "data-key": "tasks" },
      h("thead", {}, h("tr", {}, ["task", "after", "runs", "settings"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, tasks.map((task) =>
        h("tr", { "data-key": task.id },
          h("td", { class: "c-name" },
            h("a", { class: "row", href: `${dagLink(id, "source")}?task=${part(task.id)}` }, task.id),
            h("span", { class: "quiet" }, [task.at, task.doc?.trim().split("\n")[0]].filter(Boolean).join(" · "))),
          h("td", { class: "c-after", "data-label": "after " }, task.parents.join(", ") || none()),
          h("td", { class: "c-callable" }, h("code", { title: task.callable }, callable(task.callable))),
          h("td", { class: "c-settings quiet" }, settings(task)))))),
  ]);
}

export function settings(task) {
  const parts = [];
  if (HANDLERS[task.handler]) parts.push(HANDLERS[task.handler]);
  if (task.over) parts.push(`for each ${task.over}`);
  if (task.trigger !== "all_success") parts.push(`trigger ${task.trigger}`);
  if (task.pool) parts.push(`pool ${task.pool}`);
  if (task.priority) parts.push(`priority ${task.priority}`);
  if (task.runs_on.length) parts.push(`on ${task.runs_on.join(", ")}`);
  if (task.retries) parts.push(plural(task.retries, "retry", "retries"));
  parts.push(task.timeout === null ? "no time-out" : `time-out ${notation(task.timeout)}`);
  return parts.join(", ");
}
