// The log of one attempt as it grows: searched, filtered by level, coloured, downloaded.
//
// All entries are kept as they came; the document holds only those around what is seen. Lines may wrap, so entries are
// laid out in groups, each as high as its lines are long until it is shown and measured.

import { classes, pieces, PLAIN, textOf } from "./ansi.js";
import { part } from "./api.js";
import { h } from "./dom.js";
import { fullTime, plural } from "./format.js";
import { setting } from "./settings.js";
import { tail } from "./tail.js";

const MOST = 200_000; // entries that are kept; older ones are let go
const GROUP = 50;
const LINE = 20; // pixels; run.css has the same
const FULL = 120; // characters of a line in a window whose width is not known yet
const LEVELS = [["0", "All levels"], ["20", "From info"], ["30", "From warnings"], ["40", "Errors"]];
const ZONES = [["local", "Local time"], ["utc", "UTC"], ["none", "No times"]];

export class Log {
  element = h("div", { class: "log-view" });
  #entries = [];
  #shown = []; // the indices of entries that the level lets through
  #heights = [];
  #rendered = new Map();
  #styles = new Map(); // of each stream: the style in which its next line begins
  #dropped = 0;
  #complete = false;
  #following;
  #hits = [];
  #hit = -1;
  #needle = "";
  #least = 0;
  #columns = FULL;
  #frame = 0;
  #name;
  #error;
  #scroll = h("div", { class: "log", tabindex: "0", role: "log", "aria-label": "Log", "aria-live": "off" });
  #space = h("div", { class: "space" });
  #note = h("span", { class: "quiet log-note" });
  #found = h("span", { class: "quiet found", role: "status" });
  #search; #switch;

  // `name` names the file of a download; `error` is what is told beside the log, and so is left out of it. With
  // `atEnd` its end is shown first, and what comes.
  constructor(name, error, atEnd) {
    this.#name = name;
    this.#error = error;
    this.#following = atEnd;
    this.#build();
    new ResizeObserver(() => this.#measure()).observe(this.#scroll);
  }

  // Reads what there is and what comes, until the attempt has ended or the signal aborts.
  async read(run, task, attempt, signal) {
    const path = `/runs/${part(run)}/tasks/${part(task.id)}/logs/stream?position=${task.position}&attempt=${attempt.number}&epoch=${attempt.epoch}`;
    await tail(signal, (last) => (last === null ? path : `${path}&after=${last}`), {
      take: (page) => {
        this.#add(page.entries);
        this.#complete = page.complete;
        this.#tell();
        return !page.complete;
      },
      over: () => this.#complete,
    });
  }

  // --- what it is made of ---

  #build() {
    this.#search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search the log", "data-search": true });
    this.#search.addEventListener("input", () => this.#find());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#go(event.shiftKey ? -1 : 1);
    });
    const button = (text, name, act) => {
      const made = h("button", { type: "button", title: name, "aria-label": name }, text);
      made.addEventListener("click", act);
      return made;
    };
    const choice = (name, options, value, act) => {
      const made = h("select", { "aria-label": name }, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
      made.addEventListener("change", () => act(made.value));
      return made;
    };
    const toggle = (name, on, act) => {
      const box = h("input", { type: "checkbox", checked: on });
      box.addEventListener("change", () => act(box.checked));
      return h("label", { class: "switch" }, box, name);
    };
    const wraps = setting("log-wrap", "yes");
    const zone = setting("log-times", "local");
    this.#switch = toggle("Follow", this.#following, (on) => { this.#following = on; if (on) this.#end(); });
    this.#scroll.classList.toggle("wraps", wraps.value === "yes");
    this.#scroll.dataset.times = zone.value;
    this.#scroll.append(this.#space);
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element.append(
      h("div", { class: "log-tools" },
        h("span", { class: "search" }, this.#search, button("↑", "Match before", () => this.#go(-1)), button("↓", "Next match", () => this.#go(1)), this.#found),
        choice("Levels", LEVELS, "0", (value) => { this.#least = Number(value); this.#filter(); }),
        choice("Times", ZONES, zone.value, (value) => { zone.value = this.#scroll.dataset.times = value; this.#again(); }),
        toggle("Wrap", wraps.value === "yes", (on) => { wraps.value = on ? "yes" : "no"; this.#scroll.classList.toggle("wraps", on); this.#measure(); this.#again(); }),
        this.#switch, this.#note,
        button("Download", "Download the log as text", () => this.#download())),
      this.#scroll);
    this.#tell();
  }

  #add(entries) {
    for (const entry of entries) {
      // The executor ends a log with the error, which stands above already.
      if (entry.stream === "system" && entry.message === this.#error) continue;
      const before = this.#styles.get(entry.stream) ?? PLAIN;
      const { parts, style } = pieces(entry.message, before);
      if (style !== before) this.#styles.set(entry.stream, style);
      entry.before = before;
      entry.length = (entry.logger ? entry.logger.length + 2 : 0) + parts.reduce((sum, { text }) => sum + text.length, 0);
      this.#entries.push(entry);
      if (entry.level >= this.#least) this.#shown.push(this.#entries.length - 1);
      if (this.#needle && this.#holds(entry)) this.#hits.push(this.#entries.length - 1);
    }
    if (this.#entries.length > MOST * 1.1) {
      const gone = this.#entries.length - MOST;
      this.#entries.splice(0, gone);
      this.#dropped += gone;
      this.#filter();
    }
    this.#extend();
    this.#ask();
  }

  #filter() {
    this.#shown = this.#entries.flatMap((entry, index) => (entry.level >= this.#least ? [index] : []));
    this.#find();
    this.#again();
    this.#tell();
  }

  #tell() {
    const shown = this.#shown.length, all = this.#entries.length;
    this.#note.textContent = !all ? (this.#complete ? "It wrote nothing." : "Nothing written yet.")
      : [this.#dropped ? `${plural(this.#dropped, "older line")} let go.` : "", shown < all ? `${shown.toLocaleString()} of ${plural(all, "line").replace(all, all.toLocaleString())}` : plural(all, "line").replace(all, all.toLocaleString()), this.#complete ? "" : "live"].filter(Boolean).join(" · ");
    this.#scroll.hidden = !all;
    this.element.classList.toggle("nothing-yet", !all);
    this.#switch.hidden = this.#complete;
  }

  // --- windowing ---

  #estimate(group) {
    let lines = 0;
    const wraps = this.#scroll.classList.contains("wraps");
    for (let place = group * GROUP; place < Math.min(this.#shown.length, (group + 1) * GROUP); place += 1) {
      lines += wraps ? Math.max(1, Math.ceil(this.#entries[this.#shown[place]].length / this.#columns)) : 1;
    }
    return lines * LINE;
  }

  // The heights of groups that are new, or longer than they were.
  #extend() {
    const groups = Math.ceil(this.#shown.length / GROUP);
    const last = this.#heights.length - 1;
    if (last >= 0) this.#renew(last);
    for (let group = Math.max(0, last + 1); group < groups; group += 1) this.#heights.push(this.#estimate(group));
  }

  #renew(group) {
    this.#heights[group] = this.#estimate(group);
    this.#rendered.get(group)?.remove();
    this.#rendered.delete(group);
  }

  #again() {
    for (const element of this.#rendered.values()) element.remove();
    this.#rendered.clear();
    this.#heights = [];
    this.#extend();
    this.#ask();
  }

  #measure() {
    const probe = this.#space.appendChild(h("span", { class: "probe" }, "0".repeat(20)));
    const times = { local: 15, utc: 15, none: 0 }[this.#scroll.dataset.times];
    const columns = Math.max(10, Math.floor(this.#scroll.clientWidth / (probe.offsetWidth / 20 || 7.5)) - 4 - times);
    probe.remove();
    if (columns === this.#columns) return this.#ask();
    this.#columns = columns;
    this.#again();
  }

  #ask() {
    this.#frame ||= requestAnimationFrame(() => { this.#frame = 0; this.#draw(); });
  }

  #draw() {
    const view = this.#scroll;
    if (!view.clientHeight) return;
    if (this.#following) view.scrollTop = view.scrollHeight;
    for (let round = 0; round < 3; round += 1) {
      const settled = this.#drawOnce();
      if (this.#following) view.scrollTop = view.scrollHeight;
      if (settled) break;
    }
  }

  // Whether all heights in sight were what they had been taken for.
  #drawOnce() {
    const view = this.#scroll;
    const from = view.scrollTop - view.clientHeight, to = view.scrollTop + 2 * view.clientHeight;
    const wanted = new Map();
    let top = 0;
    for (let group = 0; group < this.#heights.length; group += 1) {
      if (top + this.#heights[group] >= from && top <= to) wanted.set(group, top);
      top += this.#heights[group];
    }
    this.#space.style.blockSize = `${top}px`;
    for (const [group, element] of this.#rendered) {
      if (wanted.has(group)) continue;
      element.remove();
      this.#rendered.delete(group);
    }
    for (const [group, place] of wanted) {
      if (!this.#rendered.has(group)) this.#rendered.set(group, this.#space.appendChild(this.#group(group)));
      this.#rendered.get(group).style.insetBlockStart = `${place}px`;
    }
    let settled = true;
    for (const [group, place] of wanted) {
      const high = this.#rendered.get(group).offsetHeight;
      if (high === this.#heights[group]) continue;
      if (!this.#following && place + this.#heights[group] <= view.scrollTop) view.scrollTop += high - this.#heights[group];
      this.#heights[group] = high;
      settled = false;
    }
    return settled;
  }

  #group(group) {
    const indices = this.#shown.slice(group * GROUP, (group + 1) * GROUP);
    return h("div", { class: "lines" }, indices.map((index) => this.#line(index)));
  }

  #line(index) {
    const entry = this.#entries[index];
    const level = entry.level >= 40 && entry.stream === "logging" ? "error" : entry.level >= 30 && entry.stream === "logging" ? "warning" : "";
    return h("div", { class: `line ${entry.stream} ${level}${index === this.#hits[this.#hit] ? " here" : ""}` },
      h("time", { datetime: entry.at, title: `${fullTime(entry.at)} · ${entry.at}` }, clock(entry.at, this.#scroll.dataset.times)),
      h("span", { class: "text" },
        level && h("span", { class: "level" }, level === "error" ? "E " : "W "),
        entry.logger && entry.logger !== "root" && h("span", { class: "logger" }, `${entry.logger}  `),
        pieces(entry.message, entry.before).parts.map(({ text, style }) => {
          const names = classes(style);
          return names ? h("span", { class: names }, this.#marked(text)) : this.#marked(text);
        })));
  }

  #marked(text) {
    if (!this.#needle) return text;
    const lower = text.toLowerCase();
    const parts = [];
    let place = 0;
    for (let at = lower.indexOf(this.#needle); at >= 0; at = lower.indexOf(this.#needle, place)) {
      parts.push(text.slice(place, at), h("mark", {}, text.slice(at, at + this.#needle.length)));
      place = at + this.#needle.length;
    }
    return [...parts, text.slice(place)];
  }

  #scrolled() {
    const view = this.#scroll;
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < LINE * 1.5;
    if (this.#following !== atEnd) this.#follow(atEnd);
    this.#ask();
  }

  #follow(on) {
    this.#following = on;
    this.#switch.firstChild.checked = on;
  }

  #end() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#ask();
  }

  // --- search and download ---

  #holds(entry) {
    return entry.level >= this.#least && `${entry.logger} ${textOf(entry.message)}`.toLowerCase().includes(this.#needle);
  }

  #find() {
    this.#needle = this.#search.value.trim().toLowerCase();
    this.#hits = this.#needle ? this.#entries.flatMap((entry, index) => (this.#holds(entry) ? [index] : [])) : [];
    this.#hit = -1;
    if (this.#hits.length) this.#go(1);
    else this.#sayFound();
    this.#again();
  }

  #go(step) {
    if (!this.#hits.length) return;
    this.#hit = (this.#hit + step + this.#hits.length) % this.#hits.length;
    this.#follow(false);
    const place = this.#shown.indexOf(this.#hits[this.#hit]);
    const group = Math.floor(place / GROUP);
    const above = this.#heights.slice(0, group).reduce((sum, high) => sum + high, 0);
    this.#again();
    this.#scroll.scrollTop = Math.max(0, above + (place % GROUP) * LINE - this.#scroll.clientHeight / 2);
    this.#draw();
    this.#scroll.querySelector(".here")?.scrollIntoView({ block: "nearest" });
    this.#sayFound();
  }

  #sayFound() {
    this.#found.textContent = !this.#needle ? "" : this.#hits.length ? `${this.#hit + 1} of ${this.#hits.length}` : "none";
  }

  #download() {
    const lines = this.#entries.map((entry) => `${entry.at} ${entry.stream}${entry.logger ? ` ${entry.logger}` : ""} ${textOf(entry.message)}\n`);
    const address = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
    h("a", { href: address, download: `${this.#name}.log` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}

const LOCAL = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });

function clock(iso, zone) {
  if (zone === "none") return "";
  return zone === "utc" ? iso.slice(11, 23) : LOCAL.format(new Date(iso)).replace(",", ".");
}
