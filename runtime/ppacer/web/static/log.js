// The panel of one task of a run: its attempts, error, output, and its log as it grows.

import { get, part, repeat } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { callable, clockTime, fullTime, plain } from "./format.js";
import { badge, due, duration } from "./parts.js";

const MOST_LINES = 5000;

export class LogPanel {
  #place;
  #run;
  #outer;
  #inner = null;
  #shown = "";
  #head = h("div", {});
  #lines = h("ol", { class: "log", tabindex: "0", "aria-label": "Log" });
  #note = h("p", { class: "empty" });

  constructor(place, run, signal) {
    this.#place = place;
    this.#run = run;
    this.#outer = signal;
    signal.addEventListener("abort", () => this.#inner?.abort());
  }

  show(task, number, epoch) {
    if (!task) {
      this.#inner?.abort();
      this.#shown = "";
      this.#place.replaceChildren(h("p", { class: "empty" }, "Pick a task to see its attempts and its log."));
      return;
    }
    const attempt = task.attempts.find((each) => each.number === number && (!epoch || each.epoch === epoch)) ?? task.attempts.at(-1) ?? null;
    morphChildren(this.#head, header(task, attempt));
    const wanted = attempt ? attempt.id : `${task.id} ${task.position}`;
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.#inner?.abort();
    this.#lines.replaceChildren();
    this.#place.replaceChildren(this.#head, this.#note, this.#lines);
    this.#note.textContent = attempt ? "" : task.family ? "Its members have logs of their own." : "Not started.";
    this.#lines.hidden = !attempt;
    if (attempt) this.#follow(task, attempt);
    if (this.#place.getBoundingClientRect().top > innerHeight * 0.8) this.#place.scrollIntoView({ block: "start" });
  }

  async #follow(task, attempt) {
    this.#inner = new AbortController();
    const signal = this.#inner.signal;
    let after = 0;
    await repeat(signal, async () => {
      const page = await get(
        `/runs/${part(this.#run)}/tasks/${part(task.id)}/logs?position=${task.position}&attempt=${attempt.number}&epoch=${attempt.epoch}&after=${after}&wait=${after ? 25 : 0.05}`, signal);
      after = page.last || after;
      if (signal.aborted) return false;
      // The executor ends a log with the error, which stands above already.
      this.#append(page.entries.filter((entry) => entry.stream !== "system" || entry.message !== page.attempt.error));
      this.#note.textContent = this.#lines.childElementCount ? "" : page.complete ? "It wrote nothing." : "Nothing written yet.";
      return !page.complete;
    });
  }

  #append(entries) {
    const log = this.#lines;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    log.append(...entries.map((entry) =>
      h("li", { class: `${entry.stream} ${entry.level >= 40 ? "error" : entry.level >= 30 && entry.stream === "logging" ? "warning" : ""}` },
        h("time", { datetime: entry.at, title: fullTime(entry.at) }, clockTime(entry.at)),
        h("span", { class: "text" }, entry.logger && entry.logger !== "root" ? h("span", { class: "quiet" }, `${entry.logger}  `) : null, plain(entry.message)))));
    while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
}

function header(task, attempt) {
  return [
    h("div", { class: "heading" },
      h("h2", {}, task.name),
      h("a", { href: "?", class: "close", "aria-label": "Close", title: "Close (Esc)" }, "×")),
    h("p", { class: "quiet" }, h("code", { title: task.callable }, callable(task.callable)), task.parents.length > 0 && ` after ${task.parents.join(", ")}`),
    task.attempts.length > 1 && h("nav", { class: "attempts", "aria-label": "Attempts" }, task.attempts.map((each) =>
      h("a", { href: `?task=${part(task.name)}&attempt=${each.number}&epoch=${each.epoch}`, "aria-current": each === attempt ? "true" : null, "data-key": each.id, class: each.status }, each.epoch > 1 ? `Attempt ${each.number}, epoch ${each.epoch}` : `Attempt ${each.number}`))),
    attempt && h("p", { class: "line" }, badge(attempt.status), " ", duration(attempt.started_at, attempt.finished_at), attempt.executor && h("span", { class: "quiet" }, ` on ${attempt.executor}`)),
    task.status === "retrying" && task.due_at && h("p", { class: "quiet" }, "Tries again ", due(task.due_at), "."),
    (attempt?.error ?? task.error) && h("pre", { class: "error" }, plain(attempt?.error ?? task.error)),
    task.reason && h("p", { class: "quiet" }, task.reason),
    task.output !== null && attempt?.status === "success" && h("details", { "data-key": "output" }, h("summary", {}, "Output"), h("pre", {}, JSON.stringify(task.output, null, 2))),
  ];
}
