// All runs, newest first: by dag, status, kind and time, a page at a time.

import { get, search } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { follow } from "./live.js";
import { choices, runTable } from "./parts.js";

const PAGE = 50;
const STATUSES = ["queued", "running", "success", "failed", "cancelled"];
const KINDS = ["scheduled", "manual", "backfill"];

export const title = () => "Runs";

export async function show(main, { signal, query, change }) {
  const [{ dags }, list] = await Promise.all([get("/dags", signal), null]);
  const names = dags.map((dag) => dag.id);
  const form = filters(names, query(), change);
  let shown = list;
  const look = async () => {
    const asked = query();
    shown = await get(`/runs${search({ limit: PAGE, dag: asked.get("dag"), status: asked.getAll("status"), kind: asked.get("kind"), id: asked.get("id"), before: asked.get("before"), ...range(asked) })}`, signal);
    draw();
  };
  const draw = () => morphChildren(main, view(shown, query(), form));
  addEventListener("ppacer:query", () => { form.update(query()); look().catch(() => {}); }, { signal });
  await follow(signal, look);
}

const range = (asked) => ({ from: asked.get("from"), to: asked.get("to") });

function filters(names, asked, change) {
  const dag = h("select", { name: "dag", "aria-label": "Dag" }, h("option", { value: "" }, "all dags"), names.map((name) => h("option", { value: name }, name)));
  const id = h("input", { type: "search", name: "id", placeholder: "Part of an id", "aria-label": "Part of a run's id", "data-search": true });
  const from = h("input", { type: "date", name: "from", "aria-label": "Planned from this day on" });
  const to = h("input", { type: "date", name: "to", "aria-label": "Planned to this day" });
  const form = h("form", { class: "fields", role: "search", "data-keep": true, "data-key": "fields" }, dag, id, h("span", { class: "pair" }, from, "–", to));
  const all = { dag, id, from, to };
  form.update = (query) => { for (const [name, input] of Object.entries(all)) if (document.activeElement !== input) input.value = query.get(name) ?? ""; };
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [name, input] of Object.entries(all)) input.addEventListener(input === id ? "input" : "change", () => change({ [name]: input.value.trim(), before: null }));
  form.update(asked);
  return form;
}

function view(list, asked, form) {
  const older = new URLSearchParams(asked);
  older.set("before", list.next);
  const newest = new URLSearchParams(asked);
  newest.delete("before");
  return [
    h("section", { class: "top", "data-key": "top" },
      h("div", { class: "heading", "data-key": "heading" }, h("h1", {}, "Runs"), form),
      h("div", { class: "filters", "data-key": "filters" },
        choices("status", [{ value: "", text: "all" }, ...STATUSES.map((value) => ({ value, text: value, status: value }))], asked.get("status"), { label: "Status", query: asked }),
        choices("kind", [{ value: "", text: "any kind" }, ...KINDS.map((value) => ({ value, text: value }))], asked.get("kind"), { label: "Kind", query: asked }))),
    h("section", { "data-key": "list" },
      runTable(list.runs, { withDag: true, empty: "No run fits." }),
      h("nav", { class: "pages", "aria-label": "Pages" },
        asked.get("before") && h("a", { href: newest.size ? `?${newest}` : "?" }, "Newest"),
        list.next && h("a", { href: `?${older}`, rel: "next" }, "Older"))),
  ];
}
