// The panel of one task of a run: its attempts, error, inputs and output, its members, and the log of an attempt.

import { get, part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { callable, fullTime, number, plain, shortTime, words } from "./format.js";
import { Log } from "./log.js";
import { badge, due, duration } from "./parts.js";
import { taskActions } from "./run_actions.js";
import { MemberTable } from "./run_members.js";

const ENDED_WELL = "success";
const NULL = 4; // bytes of the JSON of nothing; what is bigger and not told is left out

export class TaskPanel {
  element = h("aside", { class: "panel", "aria-label": "Task", hidden: true, "data-keep": true });
  #run = null;
  #signal;
  #link;
  #inner = null;
  #shown = "";
  #whole = null; // the task as it is told alone: with all of its output, and its inputs
  #asked = "";
  #changes = false;
  #head = h("div", {});
  #facts = h("div", { class: "facts-of-task" });
  #place = h("div", { class: "below-facts" });
  #members = null;

  // `link(changes)` is the address of this view with other things picked.
  constructor(signal, link) {
    this.#signal = signal;
    this.#link = link;
    signal.addEventListener("abort", () => this.#inner?.abort());
    this.element.append(this.#head, this.#facts, this.#place);
  }

  // `tried` and `epoch` pick an attempt; without them the last one is shown. `changes`: the one who looks may act.
  show(run, task, { tried, epoch, changes }) {
    this.#run = run;
    this.#changes = changes;
    this.element.hidden = !task;
    if (!task) {
      this.#inner?.abort();
      this.#shown = this.#asked = "";
      return;
    }
    const attempt = task.attempts.find((each) => each.number === tried && (!epoch || each.epoch === epoch)) ?? task.attempts.at(-1) ?? null;
    const wanted = attempt ? attempt.id : `${task.name} ${task.family ? "family" : ""}`;
    const other = wanted !== this.#shown;
    if (this.#whole && (this.#whole.id !== task.id || this.#whole.position !== task.position)) this.#whole = null;
    this.#ask(task);
    this.#draw(task, attempt);
    if (!other) {
      this.#members?.update(task);
      return;
    }
    this.#shown = wanted;
    this.#inner?.abort();
    this.#inner = new AbortController();
    this.#members = null;
    if (task.family) {
      this.#members = new MemberTable(run, task, this.#link, this.#inner.signal);
      this.#place.replaceChildren(this.#members.element);
    } else if (attempt) {
      const log = new Log(`${run.dag}-${task.name}-${attempt.number}`.replace(/[^\w.-]+/g, "_"), attempt.error, attempt.status !== ENDED_WELL);
      this.#place.replaceChildren(log.element);
      log.read(run.id, task, attempt, this.#inner.signal);
    } else {
      this.#place.replaceChildren(h("p", { class: "empty" }, notStarted(task)));
    }
    if (this.element.getBoundingClientRect().top > innerHeight * 0.75) this.element.scrollIntoView({ block: "start" });
  }

  // Asks for what a run leaves out, once for each state of the task.
  async #ask(task) {
    const state = [task.name, task.position, task.status, task.epoch, task.attempts.length].join(" ");
    if (state === this.#asked) return;
    this.#asked = state;
    try {
      const whole = await get(`/runs/${part(this.#run.id)}/tasks/${part(task.id)}${task.name === task.id ? "" : `?position=${task.position}`}`, this.#signal);
      if (this.#asked !== state) return;
      this.#whole = whole;
      morphChildren(this.#facts, this.#data(task));
    } catch (error) {
      if (!this.#signal.aborted) this.#asked = ""; // the next state of the run asks again
    }
  }

  #draw(task, attempt) {
    morphChildren(this.#head, [
      h("div", { class: "heading" },
        h("h2", {}, task.name, " ", badge(task.status)),
        h("a", { href: this.#link({ task: null, attempt: null, epoch: null }), class: "close", "aria-label": "Close the task", title: "Close (Esc)" }, "×")),
      h("p", { class: "quiet line" }, ...this.#said(task, attempt)),
      this.#changes && h("div", { class: "actions", "data-key": `${task.name} ${task.status}` }, taskActions(this.#run, task)),
      task.attempts.length > 1 && h("nav", { class: "attempts", "aria-label": "Attempts" }, task.attempts.map((each) =>
        h("a", { href: this.#link({ attempt: each.number, epoch: each.epoch }), "aria-current": each === attempt ? "true" : null, "data-key": each.id },
          badge(each.status), h("span", { class: "unseen" }, ", "), each.epoch > 1 || task.attempts[0].epoch !== each.epoch ? `try ${each.number}, epoch ${each.epoch}` : `try ${each.number}`))),
      task.reason && h("p", { class: "line" }, task.reason),
      (attempt?.error ?? task.error) && h("pre", { class: "error", tabindex: "0", "aria-label": "Error" }, plain(attempt?.error ?? task.error)),
    ].filter(Boolean));
    morphChildren(this.#facts, this.#data(task));
  }

  #said(task, attempt) {
    const parts = [];
    if (task.label !== null) parts.push(h("code", {}, task.label));
    parts.push(h("code", { title: task.callable }, callable(task.callable)));
    if (task.parents.length) parts.push(h("span", {}, "after ", task.parents.map((id, index) => [index ? ", " : "", h("a", { href: this.#link({ task: id, attempt: null, epoch: null }) }, id)])));
    if (attempt?.started_at) parts.push(h("span", { title: `${fullTime(attempt.started_at)}${attempt.finished_at ? ` to ${fullTime(attempt.finished_at)}` : ""}` }, attempt.finished_at ? "ran " : "runs for ", duration(attempt.started_at, attempt.finished_at), attempt.executor && ` on ${attempt.executor}`));
    if (attempt?.started_at) parts.push(h("span", {}, "queued ", duration(attempt.created_at, attempt.started_at)));
    if (task.status === "retrying" && task.due_at) parts.push(h("span", {}, "tries again ", due(task.due_at)));
    if (attempt?.status === "deferred") parts.push(attempt.due_at ? `waits until ${shortTime(attempt.due_at)}` : "waits");
    if (task.waits_for) parts.push(`waits for ${task.waits_for}`);
    const progress = attempt?.progress;
    if (progress) parts.push([progress.fraction === null ? "" : `${Math.round(progress.fraction * 100)}%`, progress.message].filter(Boolean).join(" "));
    return parts.flatMap((each, index) => (index ? [" · ", each] : [each]));
  }

  #data(task) {
    const whole = this.#whole ?? task;
    const inputs = whole.inputs ?? [];
    const output = whole.output;
    return [
      inputs.length > 0 && h("details", { "data-key": "inputs" }, h("summary", {}, "Inputs"), h("dl", { class: "inputs" }, inputs.map(input))),
      output !== null && task.status === ENDED_WELL && h("details", { "data-key": "output" }, h("summary", {}, "Output"), h("pre", { tabindex: "0", "aria-label": "Output" }, JSON.stringify(output, null, 2))),
      output === null && task.output_size > NULL && h("p", { class: "quiet", "data-key": "size" }, `Its output has ${number(task.output_size)} bytes.`),
    ].filter(Boolean);
  }
}

// An argument: as compiled, and what it is as things stand; or why that cannot be told.
function input({ name, expression, value, size, unknown }, index) {
  const plain = size !== null && value !== null && JSON.stringify(value) === expression;
  const told = unknown !== null ? h("p", { class: "quiet" }, `Not known here: ${unknown}.`)
    : value === null && size > NULL ? h("p", { class: "quiet" }, `${number(size)} bytes`)
    : plain ? null : h("pre", {}, JSON.stringify(value, null, 2));
  return h("div", {}, h("dt", {}, name === null ? `argument ${index + 1}` : h("code", {}, name)), h("dd", {}, h("code", {}, expression), told));
}

function notStarted(task) {
  return { skipped: "It was skipped.", upstream_failed: "It never ran: what it waits for has failed.", cancelled: "It was cancelled before it ran." }[task.status] ?? `Not started: it is ${words(task.status)}.`;
}
