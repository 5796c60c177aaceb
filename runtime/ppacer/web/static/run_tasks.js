// The tasks of a run as a table: filtered by name and status, each row renewed only when its task has changed.

import { h } from "./dom.js";
import { number, plural, shortTime, words } from "./format.js";
import { badge, duration, mark } from "./parts.js";
import { UNFINISHED } from "./run_actions.js";

const NULL = 4; // bytes of an output that is nothing; a bigger one that is not told is told with the task alone

export class TaskTable {
  element = h("div", { class: "task-table" });
  #link;
  #rows = new Map();
  #body = h("tbody", {});
  #chips = h("div", { class: "chips", role: "group", "aria-label": "Tasks by status" });
  #none = h("p", { class: "empty", hidden: true }, "No task of that name or status.");
  #count = h("span", { class: "quiet", role: "status" });
  #filter = h("input", { type: "search", placeholder: "Filter tasks", "aria-label": "Filter tasks by name", "data-search": true });
  #status = "";
  #tasks = [];
  #counts = "";

  constructor(link) {
    this.#link = link;
    this.#filter.addEventListener("input", () => this.#sift());
    this.element.append(
      h("div", { class: "filters" }, this.#filter, this.#chips, this.#count),
      h("table", { class: "tasks" },
        h("thead", {}, h("tr", {}, h("th", {}, "task"), h("th", {}, "status"), h("th", { class: "c-tries number" }, "tries"), h("th", { class: "c-queued number" }, "queued"), h("th", { class: "number" }, "took"), h("th", { class: "c-output" }, "output"))),
        this.#body),
      this.#none);
  }

  show({ tasks }, picked) {
    this.#tasks = tasks;
    const left = new Set(this.#rows.keys());
    let before = null;
    for (const task of tasks) {
      left.delete(task.name);
      const state = JSON.stringify([task.status, task.attempts, task.family, task.reason, task.waits_for, task.output_size, task.name === picked, this.#link({ task: task.name })]);
      const old = this.#rows.get(task.name);
      if (old?.state !== state) {
        const row = this.#row(task, picked);
        if (old?.row.contains(document.activeElement)) {
          old.row.replaceWith(row);
          row.querySelector("a").focus({ preventScroll: true });
        } else if (old) old.row.replaceWith(row);
        this.#rows.set(task.name, { row, state, task });
      }
      const { row } = this.#rows.get(task.name);
      const place = before ? before.nextSibling : this.#body.firstChild;
      if (place !== row) this.#body.insertBefore(row, place);
      before = row;
    }
    for (const name of left) {
      this.#rows.get(name).row.remove();
      this.#rows.delete(name);
    }
    this.#sift();
  }

  #row(task, picked) {
    const attempt = task.attempts.at(-1);
    const member = task.name !== task.id;
    return h("tr", { class: [task.name === picked ? "here" : "", member ? "member" : ""].join(" ").trim() || null },
      h("td", { class: "c-name" },
        h("a", { href: this.#link({ task: task.name, attempt: null, epoch: null }), class: "row", "aria-current": task.name === picked ? "true" : null }, task.name),
        note(task) && h("span", { class: "quiet" }, note(task))),
      h("td", { class: "c-status" }, badge(task.status)),
      h("td", { class: "c-tries number" }, task.family ? "" : String(task.attempts.length || "–")),
      h("td", { class: "c-queued number" }, attempt?.created_at && (attempt.started_at || UNFINISHED.has(task.status)) ? duration(attempt.created_at, attempt.started_at) : "–"),
      h("td", { class: "c-time number" }, duration(began(task), task.finished_at ?? (task.status === "running" ? null : attempt?.finished_at ?? null))),
      h("td", { class: "c-output" }, task.output_size === null || task.family ? "" : h("code", {}, brief(task))));
  }

  #sift() {
    const text = this.#filter.value.trim().toLowerCase();
    const counts = {};
    let shown = 0;
    for (const task of this.#tasks) {
      counts[task.status] = (counts[task.status] ?? 0) + 1;
      const { row } = this.#rows.get(task.name);
      const hidden = Boolean((this.#status && task.status !== this.#status) || (text && !`${task.name} ${task.label ?? ""}`.toLowerCase().includes(text)));
      if (row.hidden !== hidden) row.hidden = hidden;
      shown += hidden ? 0 : 1;
    }
    this.#none.hidden = shown > 0;
    this.#count.textContent = shown < this.#tasks.length ? `${shown} of ${plural(this.#tasks.length, "task")}` : "";
    const state = JSON.stringify([counts, this.#status]);
    if (state === this.#counts) return;
    this.#counts = state;
    const focused = this.#chips.contains(document.activeElement) ? document.activeElement.value : null;
    const chip = (status, ...content) => {
      const made = h("button", { type: "button", class: "chip", value: status, "aria-pressed": String(this.#status === status) }, content);
      made.addEventListener("click", () => { this.#status = this.#status === status ? "" : status; this.#sift(); });
      return made;
    };
    this.#chips.replaceChildren(chip("", "all ", h("span", { class: "count" }, this.#tasks.length)), ...Object.entries(counts).map(([status, count]) => chip(status, mark(status), ` ${words(status)} `, h("span", { class: "count" }, count))));
    if (focused !== null) [...this.#chips.children].find((each) => each.value === focused)?.focus();
  }
}

// What stands below a task's name: what a member stands for, how a family's members do, how far it has come.
export function note(task) {
  const parts = [];
  if (task.handler !== "none") parts.push({ success: "on success", failure: "on failure", finally: "finally" }[task.handler]);
  if (task.label !== null) parts.push(task.label);
  if (task.family?.members) {
    parts.push(`${ended(task.family)} of ${plural(task.family.members, "member")} done`);
    if (task.family.counts.failed) parts.push(`${task.family.counts.failed} failed`);
    if (task.family.shown < task.family.members) parts.push(`${task.family.shown} of them below`);
  }
  if (task.reason) parts.push(task.reason);
  if (task.waits_for) parts.push(`waits for ${task.waits_for}`);
  const attempt = task.status === "running" ? task.attempts.at(-1) : null;
  if (attempt?.status === "deferred") parts.push(attempt.due_at ? `waits until ${shortTime(attempt.due_at)}` : "waits");
  const progress = attempt?.progress;
  if (progress) parts.push([progress.fraction === null ? "" : `${Math.round(progress.fraction * 100)}%`, progress.message].filter(Boolean).join(" "));
  return parts.filter(Boolean).join(" · ");
}

export const ended = (family) => Object.entries(family.counts).reduce((sum, [status, count]) => sum + (UNFINISHED.has(status) ? 0 : count), 0);

// How many tasks have ended and how many there are; a family counts as its members.
export function counted(tasks) {
  let done = 0, total = 0;
  for (const task of tasks) {
    if (task.family?.members) { done += ended(task.family); total += task.family.members; }
    else if (task.name === task.id) { done += UNFINISHED.has(task.status) ? 0 : 1; total += 1; }
  }
  return [done, total];
}

// When the first attempt of a task's latest epoch began, or its family.
export function began(task) {
  const epoch = task.attempts.at(-1)?.epoch;
  return task.attempts.find((attempt) => attempt.started_at && attempt.epoch === epoch)?.started_at ?? (task.family ? task.started_at : null);
}

function brief({ output, output_size }) {
  if (output === null && output_size > NULL) return `${number(output_size)} bytes`;
  const text = JSON.stringify(output);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
