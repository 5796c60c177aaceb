// The members of a run-time family, a page at a time, of one status or of all.

import { get, part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { plural, words } from "./format.js";
import { badge, duration } from "./parts.js";

const PAGE = 100;

export class MemberTable {
  element = h("div", { class: "members" });
  #run;
  #task;
  #link;
  #signal;
  #status = "";
  #members = [];
  #next = null;
  #state = "";
  #busy = false;
  #fault = "";
  #more = h("button", { type: "button" }, "More");
  #count = h("span", { class: "quiet" });
  #parts = h("div", {});

  constructor(run, task, link, signal) {
    this.#run = run;
    this.#task = task;
    this.#link = link;
    this.#signal = signal;
    this.#more.addEventListener("click", () => this.#read(PAGE));
    this.element.append(this.#parts, h("p", { class: "more" }, this.#count, this.#more));
    this.update(task);
  }

  // Reads anew as many as are shown when a member has changed.
  update(task) {
    this.#task = task;
    const state = JSON.stringify(task.family.counts);
    if (state === this.#state) return;
    this.#state = state;
    this.#again();
  }

  #again() {
    const many = Math.max(PAGE, this.#members.length);
    this.#read(many, []);
  }

  async #read(many, found = [...this.#members]) {
    if (this.#busy) { this.#state = ""; return; }
    this.#busy = true;
    const wanted = found.length + many;
    let after = found.length ? this.#next : -1;
    try {
      while (found.length < wanted && after !== null) {
        const page = await get(`/runs/${part(this.#run.id)}/tasks/${part(this.#task.id)}/members?limit=${PAGE}&after=${after}${this.#status && `&status=${this.#status}`}`, this.#signal);
        found.push(...page.members);
        after = page.next;
      }
      this.#members = found;
      this.#next = after;
      this.#fault = "";
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#fault = error.message;
    } finally {
      this.#busy = false;
    }
    this.#draw();
    if (!this.#state && !this.#fault) this.update(this.#task);
  }

  #draw() {
    const counts = Object.entries(this.#task.family.counts).filter(([, count]) => count);
    const chip = (status, text) => {
      const made = h("button", { type: "button", class: "chip", "data-key": `chip ${status}`, "aria-pressed": String(this.#status === status), value: status }, text);
      return made;
    };
    this.#more.hidden = this.#next === null;
    this.#count.textContent = this.#next === null ? "" : `${plural(this.#members.length, "member")} shown`;
    morphChildren(this.#parts, [
      h("div", { class: "chips", role: "group", "aria-label": "Members by status", "data-key": "chips" },
        chip("", `all ${this.#task.family.members.toLocaleString()}`), counts.map(([status, count]) => chip(status, [badge(status), ` ${count.toLocaleString()}`]))),
      this.#fault && h("p", { class: "fault", "data-key": "fault" }, this.#fault),
      h("table", { class: "member-table", "data-key": "table" },
        h("thead", {}, h("tr", {}, h("th", {}, "member"), h("th", {}, "for"), h("th", {}, "status"), h("th", { class: "number" }, "took"))),
        h("tbody", {}, this.#members.map((member) => h("tr", { "data-key": member.name },
          h("td", { class: "c-name" }, h("a", { href: this.#link({ task: member.name, attempt: null, epoch: null }), class: "row" }, member.name)),
          h("td", { class: "c-label" }, h("code", {}, member.label ?? "")),
          h("td", { class: "c-status" }, badge(member.status), member.attempts.length > 1 && h("span", { class: "quiet" }, ` ×${member.attempts.length}`)),
          h("td", { class: "c-time number" }, duration(member.attempts.at(-1)?.started_at ?? null, member.attempts.at(-1)?.finished_at ?? null)))))),
      !this.#members.length && h("p", { class: "empty", "data-key": "none" }, this.#status ? `None is ${words(this.#status)}.` : "It has no members yet."),
    ].filter(Boolean));
    for (const button of this.element.querySelectorAll(".chips button")) button.onclick = () => {
      this.#status = button.value;
      this.#members = [];
      this.#again();
    };
  }
}
