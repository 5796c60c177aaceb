// What can be done with a run and its tasks. Each asks first, and says what it will touch: the server works that out
// without doing it.

import { part, post } from "./api.js";
import { ask, field } from "./dialog.js";
import { h } from "./dom.js";
import { plural, words } from "./format.js";
import { mark } from "./parts.js";

const LISTED = 12;
export const ENDED = new Set(["success", "failed", "cancelled"]);
export const UNFINISHED = new Set(["waiting", "queued", "running", "retrying"]);

export function runActions(run, tasks) {
  const failed = tasks.some((task) => ["failed", "upstream_failed", "cancelled"].includes(task.status));
  return [
    ENDED.has(run.status) && failed && button("Restart failed…", () => restart(run)),
    !ENDED.has(run.status) && button("Cancel run…", () => cancel(run), "danger"),
  ];
}

export function taskActions(run, task) {
  const open = UNFINISHED.has(task.status);
  return [
    !open && button("Run again…", () => rerun(run, task)),
    !open && button("Mark…", () => markAs(run, task)),
    open && task.status !== "waiting" && button("Cancel…", () => cancelTask(run, task), "danger"),
  ];
}

function button(text, act, look = null) {
  const made = h("button", { type: "button", class: look, "data-key": text, "data-keep": true }, text);
  made.addEventListener("click", act);
  return made;
}

const restart = (run) => ask({
  title: `Restart what failed in ${run.dag}?`,
  body: "Tasks that failed, were cancelled or never ran are done again, and what follows them. What succeeded stays.",
  label: "Restart",
  ...operation(`/runs/${part(run.id)}/restart`, () => ({}), "will run again"),
});

const cancel = (run) => ask({
  title: `Cancel this run of ${run.dag}?`,
  body: "Tasks that run now are stopped, and nothing more is started but handlers.",
  label: "Cancel run",
  danger: true,
  ...operation(`/runs/${part(run.id)}/cancel`, () => ({}), "will be cancelled"),
});

const cancelTask = (run, task) => ask({
  title: `Cancel ${task.name}?`,
  body: task.family ? "All of its members that have not ended are stopped." : "It is stopped, and counts as cancelled.",
  label: "Cancel task",
  danger: true,
  ...operation(address(run, task, "cancel"), () => ({}), "will be cancelled"),
});

function rerun(run, task) {
  const follow = h("input", { type: "checkbox", checked: true });
  return ask({
    title: `Run ${task.name} again?`,
    body: "Earlier attempts stay to be seen; a new epoch of the run begins.",
    fields: [h("label", { class: "switch" }, follow, "and what follows it")],
    label: "Run again",
    ...operation(address(run, task, "rerun"), () => ({ follow: follow.checked }), "will run again"),
  });
}

function markAs(run, task) {
  const status = h("select", {}, ["success", "failed"].map((each) => h("option", { value: each, selected: (task.status === "success") === (each === "failed") }, each)));
  const reason = h("input", { type: "text", name: "reason", required: true, maxlength: 500, autocomplete: "off" });
  const output = h("textarea", { name: "output", rows: 3, spellcheck: "false" });
  const outputField = field("Output", output, "JSON, if what follows reads it");
  const fit = () => { outputField.hidden = status.value !== "success" || Boolean(task.family); };
  status.addEventListener("change", fit);
  fit();
  const body = () => ({ status: status.value, reason: reason.value, ...(status.value === "success" && output.value.trim() ? { output: json(output.value) } : {}) });
  const { preview, act } = operation(address(run, task, "mark"), body, "will be touched");
  return ask({
    title: `Mark ${task.name}?`,
    body: `It is ${words(task.status)} now. The mark counts from here on; what really happened stays in the history.`,
    fields: [field("Mark as", status), field("Reason", reason, "for whoever reads it later"), outputField],
    label: "Mark",
    preview: (signal) => (reason.value.trim() ? preview(signal) : [h("p", { class: "quiet" }, "Say why; then what will be touched is shown.")]),
    act: () => {
      if (!reason.value.trim()) throw Object.assign(new Error("Say why, for whoever reads it later"), { field: "reason" });
      return act();
    },
  });
}

// How an operation is tried without effect, and how it is done.
function operation(path, body, what) {
  return {
    preview: async () => told(await post(path, { ...body(), dry_run: true }), what),
    act: () => post(path, body()),
  };
}

function told({ count, tasks }, what) {
  if (!count) return [h("p", { class: "quiet" }, "No task is touched.")];
  return [
    h("p", {}, h("strong", {}, `${plural(count, "task")} ${what}:`)),
    h("ul", {}, tasks.slice(0, LISTED).map((task) => h("li", {}, mark(task.status), h("span", { class: "name" }, task.name), h("span", { class: "quiet" }, words(task.status))))),
    count > LISTED && h("p", { class: "quiet" }, `and ${count - LISTED} more`),
  ].filter(Boolean);
}

const address = (run, task, what) => `/runs/${part(run.id)}/tasks/${part(task.id)}/${what}${task.name === task.id ? "" : `?position=${task.position}`}`;

function json(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`The output is not JSON: ${error.message}`), { field: "output" });
  }
}
