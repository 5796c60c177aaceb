// Pieces that several views share.

import { part } from "./api.js";
import { h } from "./dom.js";
import { ahead, elapsed, fullTime, milliseconds, relative, running, shortTime, words } from "./format.js";

export const badge = (status) => h("span", { class: `badge ${status}` }, words(status));

const nothing = () => h("span", { class: "none" }, "–");

// A moment, told from now; `app.js` keeps it fresh.
export const when = (iso) =>
  iso ? h("time", { datetime: iso, title: fullTime(iso), "data-relative": iso }, relative(iso)) : nothing();

// A moment to come: once it is there it is now, until the page hears what came of it.
export const due = (iso) =>
  iso ? h("time", { datetime: iso, title: fullTime(iso), "data-due": iso }, ahead(iso)) : nothing();

export function duration(start, end) {
  if (!start) return nothing();
  if (end) return h("span", {}, elapsed((milliseconds(end) - milliseconds(start)) / 1000));
  return h("span", { "data-since": start }, running((Date.now() - milliseconds(start)) / 1000));
}

export const runLink = (run) => `/runs/${part(run.id)}`;
export const dagLink = (dag) => `/dags/${part(dag)}`;
export const shortId = (id) => id.slice(-8);

// The latest runs as squares, the newest to the right.
export function squares(runs) {
  const items = [...runs].reverse().map((run) => {
    const text = `${words(run.status)}, ${shortTime(run.scheduled_at)}`;
    return h("a", { class: `square ${run.status}`, href: runLink(run), title: text, "aria-label": text, "data-key": run.id });
  });
  return h("span", { class: "squares" }, items);
}

export function runTable(runs, { withDag }) {
  if (!runs.length) return h("p", { class: "empty" }, "No run yet.");
  const rows = runs.map((run) =>
    h("tr", { "data-key": run.id },
      h("td", { class: "c-status" }, badge(run.status)),
      withDag && h("td", { class: "c-name" }, h("a", { href: dagLink(run.dag) }, run.dag)),
      h("td", { class: "c-main" },
        h("a", { href: runLink(run), class: "row", title: run.id }, shortTime(run.scheduled_at)),
        h("span", { class: "quiet" }, run.kind)),
      h("td", { class: "c-when" }, when(run.started_at ?? run.created_at)),
      h("td", { class: "c-time number" }, duration(run.started_at, run.finished_at))));
  return h("table", { class: withDag ? "runs" : "runs one" },
    h("thead", {}, h("tr", {},
      h("th", {}, "status"), withDag && h("th", {}, "dag"), h("th", {}, "run"), h("th", {}, "started"),
      h("th", { class: "number" }, "took"))),
    h("tbody", {}, rows));
}
