// A run on a time line: for each task its attempts, the time that each waited for its turn apart from the time that it
// ran. Zoomed by buttons, keys and Ctrl with the wheel; moved by scrolling.

import { h } from "./dom.js";
import { elapsed, fullTime, milliseconds, plural, words } from "./format.js";
import { mark } from "./parts.js";

const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
const APART = 90; // pixels between two ticks; where there is little room, fewer
const NARROW = 500; const CLOSEST = 500;
const ROOM = 1.12; // how much of the time line a run that goes on has before it

export class Gantt {
  element = h("div", { class: "gantt" });
  #link;
  #rows = new Map();
  #detail = null;
  #picked = null;
  #epoch = 0; // 0: all of them
  #zoom = 1;
  #begin = 0;
  #end = 1;
  #axis = h("div", { class: "axis", "aria-hidden": "true" });
  #now = h("div", { class: "now", hidden: true });
  #list = h("ul", { class: "rows" });
  #plane = h("div", { class: "plane" }, this.#axis, this.#list, this.#now);
  #scroll = h("div", { class: "gantt-scroll", tabindex: "0", role: "region", "aria-label": "Time line of the run" }, this.#plane);
  #epochs = h("span", { class: "chips", role: "group", "aria-label": "Epochs" });
  #none = h("p", { class: "empty" }, "Nothing has run yet.");

  constructor(link, signal) {
    this.#link = link;
    const button = (text, name, act) => {
      const made = h("button", { type: "button", "aria-label": name, title: name }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.element.append(
      h("div", { class: "gantt-tools" },
        h("span", { class: "zoom", role: "group", "aria-label": "Zoom" },
          button("−", "Zoom out", () => this.#scale(1 / 1.6)), button("+", "Zoom in", () => this.#scale(1.6)), button("Fit", "Show all of it", () => this.#scale(1 / this.#zoom))),
        this.#epochs,
        h("span", { class: "gantt-legend quiet" }, ...Object.entries({ queue: "in the queue", run: "running", pause: "until the next try" }).map(([kind, words]) => h("span", {}, h("span", { class: `sample ${kind}` }), words)))),
      this.#none, this.#scroll);
    this.#scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.#scale(Math.exp(-event.deltaY * 0.004), event.clientX);
    }, { passive: false });
    this.#scroll.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") this.#scale(1.6);
      else if (event.key === "-") this.#scale(1 / 1.6);
      else if (event.key === "0") this.#scale(1 / this.#zoom);
      else return;
      event.preventDefault();
    });
    new ResizeObserver(() => this.#ticks()).observe(this.#scroll);
    const timer = setInterval(() => { if (this.#detail && this.element.isConnected && !this.#detail.run.finished_at) this.#place(); }, 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  show(detail, picked) {
    this.#detail = detail;
    this.#picked = picked;
    this.#drawEpochs();
    this.#draw();
  }

  #drawEpochs() {
    const { epoch } = this.#detail.run;
    const state = `${epoch} ${this.#epoch}`;
    if (this.#epochs.dataset.state === state) return;
    this.#epochs.dataset.state = state;
    const choices = epoch > 1 ? [0, ...Array.from({ length: epoch }, (_, index) => index + 1)] : [];
    this.#epochs.replaceChildren(...choices.slice(0, 1).concat(choices.slice(1).slice(-6)).map((each) => {
      const made = h("button", { type: "button", class: "chip", "aria-pressed": String(each === this.#epoch) }, each ? `epoch ${each}` : "all epochs");
      made.addEventListener("click", () => { this.#epoch = each; this.#drawEpochs(); this.#draw(); });
      return made;
    }));
  }

  #attempts(task) {
    return this.#epoch ? task.attempts.filter((attempt) => attempt.epoch === this.#epoch) : task.attempts;
  }

  #draw() {
    const { tasks } = this.#detail;
    const left = new Set(this.#rows.keys());
    let before = null;
    for (const task of tasks) {
      left.delete(task.name);
      const attempts = this.#attempts(task);
      const state = JSON.stringify([task.status, task.started_at, task.finished_at, attempts, task.name === this.#picked, this.#link({ task: task.name })]);
      if (this.#rows.get(task.name)?.state !== state) {
        const made = this.#row(task, attempts);
        const old = this.#rows.get(task.name);
        const focused = old?.row.contains(document.activeElement);
        if (old) old.row.replaceWith(made.row);
        if (focused) made.row.querySelector("a").focus({ preventScroll: true });
        this.#rows.set(task.name, { ...made, state, domain: "" });
      }
      const { row } = this.#rows.get(task.name);
      const place = before ? before.nextSibling : this.#list.firstChild;
      if (place !== row) this.#list.insertBefore(row, place);
      before = row;
    }
    for (const name of left) {
      this.#rows.get(name).row.remove();
      this.#rows.delete(name);
    }
    this.#place();
  }

  #row(task, attempts) {
    const spans = segments(task, attempts);
    const lane = h("span", { class: "lane", "aria-hidden": "true" }, spans.map((span) => h("span", { class: `segment ${span.kind} ${span.status}`, title: span.title })));
    const row = h("li", { class: [task.name === this.#picked ? "here" : "", task.name === task.id ? "" : "member"].join(" ").trim() || null },
      h("a", { href: this.#link({ task: task.name, attempt: null, epoch: null }), class: "row", "aria-current": task.name === this.#picked ? "true" : null },
        mark(task.status), h("span", { class: "label", title: task.name }, task.name), h("span", { class: "unseen" }, `, ${words(task.status)}${spans.length ? `: ${spans.map((span) => span.title).join("; ")}` : ""}`)),
      lane);
    return { row, spans, lane };
  }

  // Where everything stands, in shares of the time line; of a row only if its times or the line's have changed.
  #place() {
    const { run } = this.#detail;
    const spans = [...this.#rows.values()].flatMap((row) => row.spans);
    this.#none.hidden = spans.length > 0;
    this.#scroll.hidden = !spans.length;
    if (!spans.length) return;
    const now = Date.now();
    this.#begin = spans.reduce((least, { from }) => Math.min(least, from), Infinity);
    const last = spans.reduce((most, { to }) => Math.max(most, to ?? now), this.#begin + 1);
    const goesOn = spans.some(({ to }) => to === null) || !run.finished_at;
    if (!goesOn) this.#end = last;
    else if (last > this.#end || this.#end - this.#begin > (last - this.#begin) * 3) this.#end = this.#begin + (last - this.#begin) * ROOM + 500;
    const length = this.#end - this.#begin;
    const domain = `${this.#begin} ${this.#end}`;
    for (const row of this.#rows.values()) {
      if (row.domain === domain && row.spans.every(({ to }) => to !== null)) continue;
      row.domain = domain;
      row.spans.forEach(({ from, to }, index) => {
        const { style } = row.lane.children[index];
        style.insetInlineStart = `${((from - this.#begin) / length) * 100}%`;
        style.inlineSize = `${Math.max(0, ((to ?? now) - from) / length) * 100}%`;
      });
    }
    this.#now.hidden = !goesOn;
    this.#now.style.setProperty("--at", String((now - this.#begin) / length));
    this.#ticks();
  }

  #ticks() {
    const wide = this.#axis.clientWidth;
    const length = (this.#end - this.#begin) / 1000;
    if (!wide) return;
    const step = STEPS.find((each) => (each / length) * wide >= (wide < NARROW ? APART * 0.6 : APART)) ?? STEPS.at(-1);
    const state = `${this.#begin} ${this.#end} ${step}`;
    if (this.#axis.dataset.state === state) return;
    this.#axis.dataset.state = state;
    const ticks = [];
    for (let at = 0; at <= length && ticks.length < 2000; at += step) {
      const tick = h("span", { class: "tick", title: fullTime(new Date(this.#begin + at * 1000)) }, at ? offset(at, step) : "0");
      tick.style.insetInlineStart = `${(at / length) * 100}%`;
      ticks.push(tick);
    }
    this.#axis.replaceChildren(...ticks);
    this.#plane.style.setProperty("--step", `${(step / length) * 100}%`);
  }

  #scale(factor, clientX = null) {
    const view = this.#scroll;
    const wanted = Math.min(CLOSEST, Math.max(1, this.#zoom * factor));
    const frame = this.#axis.getBoundingClientRect();
    const x = clientX ?? view.getBoundingClientRect().left + view.clientWidth * 0.6;
    const share = Math.min(1, Math.max(0, (x - frame.left) / frame.width));
    this.#zoom = wanted;
    this.#plane.style.setProperty("--zoom", String(wanted));
    const after = this.#axis.getBoundingClientRect();
    view.scrollLeft += after.left + share * after.width - x;
    this.#ticks();
  }
}

// What stands on a task's lane: {from, to, kind, status, title}, times in milliseconds, `to` null while it goes on.
function segments(task, attempts) {
  if (task.family) {
    return task.started_at ? [{ ...between(task.started_at, task.finished_at), kind: "run", status: task.status, title: `${plural(task.family.members, "member")}, ${took(task.started_at, task.finished_at)}` }] : [];
  }
  const found = [];
  attempts.forEach((attempt, index) => {
    const before = attempts[index - 1];
    const name = attempts.length > 1 ? `try ${attempt.number}: ` : "";
    if (before?.finished_at && before.epoch === attempt.epoch && milliseconds(attempt.created_at) > milliseconds(before.finished_at)) {
      found.push({ ...between(before.finished_at, attempt.created_at), kind: "pause", status: "retrying", title: `waited ${took(before.finished_at, attempt.created_at)} for the next try` });
    }
    const left = attempt.started_at ?? attempt.finished_at;
    found.push({ ...between(attempt.created_at, left), kind: "queue", status: "queued", title: `${name}queued ${took(attempt.created_at, left)}` });
    if (attempt.started_at) found.push({ ...between(attempt.started_at, attempt.finished_at), kind: "run", status: attempt.status, title: `${name}${words(attempt.status)}, ran ${took(attempt.started_at, attempt.finished_at)}` });
  });
  return found;
}

const between = (from, to) => ({ from: milliseconds(from), to: to ? milliseconds(to) : null });
const took = (from, to) => (to ? elapsed((milliseconds(to) - milliseconds(from)) / 1000) : `since ${fullTime(from)}`);

function offset(seconds, step) {
  if (step < 1) return `${seconds.toFixed(step < 0.01 ? 3 : step < 0.1 ? 2 : 1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  return elapsed(seconds).replace(/(m|h) 00[sm]$/, "$1");
}
