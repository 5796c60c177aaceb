// All runs, newest first: by dag, status, kind and time, a page at a time.

import { get, search } from "./api.js";
import { tell } from "./dialog.js";
import { h, morphChildren } from "./dom.js";
import { follow } from "./live.js";
import { choices, runTable } from "./parts.js";

const PAGE = 50;
const STATUSES = ["queued", "running", "success", "failed", "cancelled"];
const KINDS = ["scheduled", "manual", "backfill"];

export const title = () => "Runs";

export async function show(main, { signal, query, change }) {
  const { dags } = await get("/dags", signal);
  const form = fields(dags.map((dag) => dag.id), query(), change);
  const filters = h("div", { class: "filters" });
  const list = h("section");
  main.replaceChildren(h("section", { class: "top" }, h("div", { class: "heading" }, h("h1", {}, "Runs"), form), filters), list);
  const look = async () => {
    const asked = query();
    const found = await get(`/runs${search({ limit: PAGE, dag: asked.get("dag"), status: asked.getAll("status"), kind: asked.get("kind"), backfill: asked.get("backfill"), id: asked.get("id"), before: asked.get("before"), ...times(asked) })}`, signal);
    if (query().toString() !== asked.toString()) return; // another question has been asked meanwhile
    morphChildren(filters, chips(asked));
    morphChildren(list, page(found, asked));
  };
  const again = () => {
    form.update(query());
    look().catch((error) => { if (!signal.aborted) tell(error.message, { bad: true }); });
  };
  addEventListener("ppacer:query", again, { signal });
  await follow(signal, look);
}

// Days in the address are days here, those of a run's logical time days of its dag's zone.
function times(asked) {
  const midnight = (day, later = 0) => {
    if (!day) return null;
    const [year, month, date] = day.split("-").map(Number);
    return new Date(year, month - 1, date + later).toISOString();
  };
  const day = asked.get("day");
  return {
    from: midnight(asked.get("from")),
    to: midnight(asked.get("to"), 1),
    planned_from: day,
    planned_to: day && new Date(Date.parse(`${day}T00:00Z`) + 86400000).toISOString().slice(0, 10),
  };
}

function fields(names, asked, change) {
  const dag = h("select", { name: "dag", "aria-label": "Dag" }, h("option", { value: "" }, "all dags"), names.map((name) => h("option", { value: name }, name)));
  const id = h("input", { type: "search", name: "id", placeholder: "Part of an id", "aria-label": "Part of a run's id", "data-search": true });
  const from = h("input", { type: "date", name: "from", "aria-label": "Made from this day on", title: "Made from this day on" });
  const to = h("input", { type: "date", name: "to", "aria-label": "Made to this day", title: "Made to this day" });
  const form = h("form", { class: "fields", role: "search" }, dag, id, h("span", { class: "pair" }, h("span", { class: "quiet" }, "made"), from, "–", to));
  const all = { dag, id, from, to };
  form.update = (query) => { for (const [name, input] of Object.entries(all)) if (document.activeElement !== input) input.value = query.get(name) ?? ""; };
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [name, input] of Object.entries(all)) input.addEventListener(input === id ? "input" : "change", () => change({ [name]: input.value.trim(), before: null }));
  form.update(asked);
  return form;
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

// What a link from elsewhere has asked for beyond that, to be taken off again.
function alone(name, text, off, asked) {
  const without = new URLSearchParams(asked);
  without.delete(name);
  return h("div", { class: "chips", "data-key": name }, h("a", { class: "chip", href: without.size ? `?${without}` : "?", "aria-current": "true", "aria-label": `${text}: ${off}`, title: off }, text, " ✕"));
}

function chips(asked) {
  const day = asked.get("day");
  return [
    day && alone("day", `planned for ${DAY.format(Date.parse(`${day}T00:00Z`))}`, "any day", asked),
    asked.get("backfill") && alone("backfill", "of one backfill", "all runs", asked),
    choices("status", [{ value: "", text: "all" }, ...STATUSES.map((value) => ({ value, text: value, status: value }))], asked.get("status"), { label: "Status", query: asked }),
    choices("kind", [{ value: "", text: "any kind" }, ...KINDS.map((value) => ({ value, text: value }))], asked.get("kind"), { label: "Kind", query: asked }),
  ];
}

function page(list, asked) {
  const older = new URLSearchParams(asked);
  older.set("before", list.next);
  const newest = new URLSearchParams(asked);
  newest.delete("before");
  return [
    h("div", { "data-key": "runs" }, runTable(list.runs, { withDag: true, empty: "No run fits." })),
    h("nav", { class: "pages", "aria-label": "Pages", "data-key": "pages" },
      asked.get("before") && h("a", { href: newest.size ? `?${newest}` : "?" }, "Newest"),
      list.next && h("a", { href: `?${older}`, rel: "next" }, "Older")),
  ];
}
