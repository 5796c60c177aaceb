// Runs by tasks: a column for each run, the newest to the right, a row for each task.

import { get, part, search } from "./api.js";
import { h, morphChildren, style } from "./dom.js";
import { elapsed, milliseconds, plural, words, zonedTime } from "./format.js";
import { dagLink, runLink } from "./parts.js";

const COLUMN = 22; // pixels
const NAMES = 320;
const MOST_CELLS = 20000;
const HANDLERS = { success: "on success", failure: "on failure", finally: "finally" };

export function open(place, { id, signal, query }) {
  let begun = false;
  place.addEventListener("keydown", arrows);
  return async ({ tasks }) => {
    const fits = Math.floor((place.clientWidth - Math.min(NAMES, place.clientWidth / 2)) / COLUMN);
    const limit = Math.max(1, Math.min(100, Math.max(12, fits), Math.floor(MOST_CELLS / Math.max(1, tasks.length))));
    const grid = await get(`/dags/${part(id)}/grid${search({ limit, before: query().get("before") })}`, signal);
    morphChildren(place, view(grid, id, query().get("before")));
    for (const bar of place.querySelectorAll("[data-share]")) style(bar, { "block-size": `${bar.dataset.share}%` });
    if (!begun) place.querySelector(".scroll")?.scrollTo({ left: 1e6 });
    begun = true;
  };
}

function view({ tasks, runs, next }, id, before) {
  if (!runs.length) return [h("p", { class: "empty" }, "No run yet: each run becomes a column of this grid.")];
  const columns = [...runs].reverse();
  const longest = Math.max(...columns.map(({ run }) => took(run) ?? 0), 0.001);
  return [
    h("div", { class: "scroll card flush", "data-key": "grid", tabindex: 0, role: "group", "aria-label": "Grid of runs by tasks" },
      h("table", { class: "grid" },
        h("caption", { class: "unseen" }, `${plural(columns.length, "run")} of ${id} by ${plural(tasks.length, "task")}, the newest to the right`),
        h("thead", { class: "stay" }, h("tr", {},
          h("th", { scope: "col", class: "corner" }, h("span", {}, elapsed(longest)), h("span", {}, "run took")),
          columns.map(({ run }) => h("th", { scope: "col", "data-key": run.id }, runBar(run, longest))))),
        h("tbody", {}, tasks.map((task, index) =>
          h("tr", { "data-key": task.id },
            h("th", { scope: "row" },
              h("a", { href: `${dagLink(id, "source")}?task=${part(task.id)}`, title: task.id }, task.id),
              task.family && h("span", { class: "quiet" }, " family"),
              HANDLERS[task.handler] && h("span", { class: "quiet" }, ` ${HANDLERS[task.handler]}`)),
            columns.map(({ run, cells }) => h("td", { "data-key": run.id }, cell(task, run, cells[index])))))))),
    h("nav", { class: "pages", "aria-label": "Pages", "data-key": "pages" },
      next && h("a", { href: `?before=${part(next)}`, rel: "next" }, "Older runs"),
      before && h("a", { href: dagLink(id) }, "Newest runs")),
  ];
}

const took = (run) => (run.started_at ? ((run.finished_at ? milliseconds(run.finished_at) : Date.now()) - milliseconds(run.started_at)) / 1000 : null);

function runBar(run, longest) {
  const seconds = took(run);
  const text = [words(run.status), zonedTime(run.scheduled_at), run.kind, seconds !== null && elapsed(seconds)].filter(Boolean).join(", ");
  return h("a", { href: runLink(run), class: "run-bar", title: text, "aria-label": `Run: ${text}` },
    h("span", { class: `fill ${run.status}`, "data-share": Math.max(4, Math.round((100 * (seconds ?? 0)) / longest)) }));
}

function cell(task, run, held) {
  if (!held) return h("span", { class: "absent", title: "not in this run" });
  const counts = held.counts && Object.entries(held.counts).map(([status, count]) => `${count} ${words(status)}`).join(", ");
  const text = [task.id, words(held.status), held.seconds !== null && elapsed(held.seconds), held.attempts > 1 && plural(held.attempts, "attempt"), counts].filter(Boolean).join(", ");
  return h("a", { href: `${runLink(run)}?task=${part(task.id)}`, class: `mark ${held.status}${held.attempts > 1 && !held.counts ? " again" : ""}`, title: text, "aria-label": text, tabindex: -1 });
}

// The arrows go from cell to cell; tab goes past them.
function arrows(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const from = event.target.closest("th, td");
  if (!steps || !from || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = from.closest("table").rows;
  const row = rows[from.parentNode.rowIndex + steps[0]];
  const to = row?.cells[from.cellIndex + steps[1]]?.querySelector("a");
  if (!to) return;
  to.focus();
  event.preventDefault();
}
