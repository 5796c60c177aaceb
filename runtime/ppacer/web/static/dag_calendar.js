// A year of days, month by month: how the runs of each day went.

import { get, part, search } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { plural, words } from "./format.js";
import { dagLink } from "./parts.js";

const MONTH = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "narrow", timeZone: "UTC" });
const FIRST = new Intl.Locale(navigator.language).getWeekInfo?.().firstDay ?? new Intl.Locale(navigator.language).weekInfo?.firstDay ?? 1;
// What a day counts as: the first of these that one of its runs is.
const WORST = ["failed", "running", "queued", "cancelled", "success"];

export function open(place, { id, signal, query }) {
  return async ({ dag, next_runs: planned }) => {
    const asked = Number(query().get("year")) || null;
    const list = await get(`/dags/${part(id)}/days${asked ? search({ from: `${asked}-01-01`, to: `${asked}-12-31` }) : ""}`, signal);
    morphChildren(place, view(list, dag, planned, asked));
  };
}

const iso = (moment) => moment.toISOString().slice(0, 10);
const inZone = (zone) => {
  const format = new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeZone: zone });
  return (moment) => format.format(new Date(moment));
};

function view({ timezone, first, last, days }, dag, planned, asked) {
  const known = new Map(days.map(({ day, counts }) => [day, counts]));
  const due = new Set(planned.map(inZone(timezone)));
  const months = [];
  for (let moment = new Date(`${first.slice(0, 7)}-01T00:00Z`); iso(moment) <= last; moment.setUTCMonth(moment.getUTCMonth() + 1)) {
    months.push(month(new Date(moment), { first, last: asked ? last : [last, ...due].sort().at(-1), known, due, dag, today: inZone(timezone)(Date.now()) }));
  }
  const year = asked || Number(last.slice(0, 4));
  const link = (to, text) => h("a", { href: `?year=${to}`, "data-key": `year-${to}` }, text);
  return [
    h("div", { class: "heading", "data-key": "heading" },
      h("h2", {}, asked ? String(asked) : "The last twelve months", h("span", { class: "quiet" }, ` ${timezone}`)),
      h("nav", { class: "fields", "aria-label": "Years" }, link(asked ? year - 1 : year, asked ? year - 1 : year), asked && h("a", { href: dagLink(dag.id, "calendar") }, "last twelve months"), asked && link(year + 1, year + 1))),
    h("div", { class: "months", "data-key": "months" }, months),
    h("ul", { class: "legend inline", "aria-label": "Marks", "data-key": "legend" },
      [["failed", "a run failed"], ["success", "all went well"], ["running", "under way"], ["cancelled", "cancelled"], ["due", "due"]].map(([status, text]) => h("li", {}, h("span", { class: `day example ${status}` }), text))),
  ];
}

function month(start, { first, last, known, due, dag, today }) {
  const cells = [];
  const blank = (start.getUTCDay() - (FIRST % 7) + 7) % 7;
  for (let index = 0; index < blank; index += 1) cells.push(h("span", { role: "presentation" }));
  for (const moment = new Date(start); moment.getUTCMonth() === start.getUTCMonth(); moment.setUTCDate(moment.getUTCDate() + 1)) {
    const day = iso(moment);
    cells.push(one(moment, day, { counts: known.get(day), out: day < first || day > last, due: due.has(day) && day >= today, dag, today }));
  }
  return h("section", { class: "month", "data-key": iso(start), "aria-label": MONTH.format(start) },
    h("h3", {}, MONTH.format(start)),
    h("div", { class: "days" },
      Array.from({ length: 7 }, (_, index) => h("span", { class: "weekday", "aria-hidden": "true" }, WEEKDAY.format(new Date(Date.UTC(2024, 0, 7 + FIRST + index))))),
      cells));
}

function one(moment, day, { counts, out, due, dag, today }) {
  const number = moment.getUTCDate();
  if (!counts) return h("span", { class: `day${due ? " due" : ""}${out ? " out" : ""}${day === today ? " today" : ""}`, title: due ? `${DAY.format(moment)}: a run is due` : null }, number);
  const status = WORST.find((each) => counts[each]);
  const told = Object.entries(counts).map(([each, count]) => `${count} ${words(each)}`).join(", ");
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const text = `${DAY.format(moment)}: ${plural(all, "run")}, ${told}`;
  return h("a", { class: `day ${status}${day === today ? " today" : ""}`, href: `/runs${search({ dag: dag.id, day })}`, title: text, "aria-label": text }, number);
}
