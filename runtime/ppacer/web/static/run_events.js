// A run's history: what happened, when, and who did it; and whom it was told to.

import { get, part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { clockTime, fullTime, words } from "./format.js";

const PAGE = 500;
const STEPS = new Set(["task_queued", "attempt_started", "attempt_finished", "lease_restored"]);
const UNTOLD = new Set(["id", "request"]); // what only the program itself has a use for

export class EventTable {
  element = h("div", { class: "event-table" });
  #run;
  #signal;
  #link;
  #events = [];
  #notifications = [];
  #seq = 0;
  #reading = null;
  #families = new Set();
  #every = h("input", { type: "checkbox" });
  #count = h("span", { class: "quiet" });
  #tables = h("div", {});

  constructor(run, link, signal) {
    this.#run = run;
    this.#link = link;
    this.#signal = signal;
    this.#every.addEventListener("change", () => this.#draw());
    this.element.append(h("div", { class: "filters" }, h("label", { class: "switch" }, this.#every, "every step of every task"), this.#count), this.#tables);
  }

  // Reads what is new up to the event `seq`.
  async show({ seq, tasks }) {
    this.#families = new Set(tasks.filter((task) => task.family).map((task) => task.id));
    if (this.#reading || (seq <= this.#seq && this.#events.length)) return this.#reading;
    this.#reading = this.#read(seq);
    try {
      await this.#reading;
    } finally {
      this.#reading = null;
    }
  }

  async #read(seq) {
    try {
      for (let after = this.#seq; after !== null && after < seq;) {
        const page = await get(`/runs/${part(this.#run)}/events?after=${after}&limit=${PAGE}`, this.#signal);
        this.#events.push(...page.events);
        if (page.events.length) this.#seq = page.events.at(-1).seq;
        after = page.next;
      }
      this.#notifications = (await get(`/runs/${part(this.#run)}/notifications`, this.#signal)).notifications;
    } catch (error) {
      if (!this.#signal.aborted) throw error;
      return;
    }
    this.#draw();
  }

  #draw() {
    const shown = this.#every.checked ? this.#events : this.#events.filter((event) => !STEPS.has(event.kind));
    this.#count.textContent = `${shown.length} of ${this.#events.length} events`;
    morphChildren(this.#tables, [
      h("table", { class: "events", "data-key": "events" },
        h("thead", {}, h("tr", {}, h("th", {}, "at"), h("th", {}, "what"), h("th", {}, "task"), h("th", {}, "by"))),
        h("tbody", {}, shown.map((event) => this.#row(event)))),
      this.#notifications.length > 0 && h("h3", { "data-key": "told" }, "Told"),
      this.#notifications.length > 0 && h("table", { class: "told", "data-key": "notifications" },
        h("thead", {}, h("tr", {}, h("th", {}, "at"), h("th", {}, "what"), h("th", {}, "by"), h("th", {}, "outcome"))),
        h("tbody", {}, this.#notifications.map((each) => h("tr", { "data-key": each.id },
          h("td", { class: "c-at" }, moment(each.at)),
          h("td", {}, each.subject),
          h("td", {}, each.notifier),
          h("td", {}, words(each.status), each.error && h("span", { class: "quiet block" }, each.error)))))),
    ].filter(Boolean));
  }

  #row(event) {
    const { task, position, ...rest } = event.payload ?? {};
    const name = task && this.#families.has(task) && position !== -1 ? `${task}[${position ?? 0}]` : task;
    const details = Object.entries(rest).filter(([key, value]) => value !== null && !UNTOLD.has(key));
    return h("tr", { "data-key": String(event.seq) },
      h("td", { class: "c-at" }, moment(event.at)),
      h("td", {}, words(event.kind), details.length > 0 && h("span", { class: "quiet" }, ` ${details.map(([key, value]) => detail(key, value)).join(", ")}`)),
      h("td", { class: "c-name" }, name ? h("a", { href: this.#link({ task: name, attempt: null, epoch: null }) }, name) : ""),
      h("td", { class: "c-actor quiet" }, event.actor));
  }
}

const moment = (iso) => h("time", { datetime: iso, title: fullTime(iso) }, `${clockTime(iso)}.${iso.slice(20, 23)}`);

// Times are microseconds since 1970.
function detail(key, value) {
  if (key === "status" || key === "outcome") return words(String(value));
  if (key === "number") return `try ${value}`;
  if (/_at$/.test(key) && typeof value === "number") return `${words(key)} ${fullTime(new Date(value / 1000))}`;
  return `${words(key)} ${typeof value === "object" ? JSON.stringify(value) : value}`;
}
