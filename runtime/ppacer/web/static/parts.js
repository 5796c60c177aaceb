// Pieces that several views share.

import { part } from "./api.js";
import { h } from "./dom.js";
import { ahead, elapsed, longTime, milliseconds, relative, running, shortTime, words, zonedTime } from "./format.js";

// The mark of a status is a shape, a letter and a colour; any one of them tells it.
export const mark = (status) => h("span", { class: `mark ${status}`, "aria-hidden": "true" });
export const badge = (status) => h("span", { class: `badge ${status}` }, mark(status), words(status));
export const none = (text = "–") => h("span", { class: "none" }, text);
export const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

// A moment, told from now; `app.js` keeps it fresh.
export const when = (iso) =>
  iso ? h("time", { datetime: iso, title: longTime(iso), "data-relative": iso }, relative(iso)) : none();

// A moment to come: once it is there it is now, until the page hears what came of it.
export const due = (iso) =>
  iso ? h("time", { datetime: iso, title: longTime(iso), "data-due": iso }, ahead(iso)) : none();

export const moment = (iso) => (iso ? h("time", { datetime: iso, title: longTime(iso) }, zonedTime(iso)) : none());

export function duration(start, end) {
  if (!start) return none();
  if (end) return h("span", {}, elapsed((milliseconds(end) - milliseconds(start)) / 1000));
  return h("span", { "data-since": start }, running((Date.now() - milliseconds(start)) / 1000));
}

export const runLink = (run) => `/runs/${part(run.id)}`;
export const dagLink = (dag, tab) => `/dags/${part(dag)}${tab ? `/${tab}` : ""}`;
export const shortId = (id) => id.slice(-8);

// The latest runs as a bar of tiles, the newest to the right.
export function squares(runs) {
  const items = [...runs].reverse().map((run) => {
    const text = `${words(run.status)}, ${shortTime(run.scheduled_at)}`;
    return h("a", { class: `tile ${run.status}`, href: runLink(run), title: text, "aria-label": text, "data-key": run.id });
  });
  return h("span", { class: "tiles" }, items);
}

export function runTable(runs, { withDag, empty = "No run yet." }) {
  if (!runs.length) return h("p", { class: "empty" }, empty);
  const why = runs.some((run) => run.reason);
  const rows = runs.map((run) =>
    h("tr", { "data-key": run.id },
      h("td", { class: "c-status" }, badge(run.status)),
      withDag && h("td", { class: "c-name" }, h("a", { href: dagLink(run.dag) }, run.dag)),
      h("td", { class: "c-main" },
        h("a", { href: runLink(run), class: "row", title: run.id }, zonedTime(run.scheduled_at)),
        run.late_at && h("span", { class: "late", title: "It missed its deadline" }, "late")),
      h("td", { class: "c-kind" }, run.kind, run.actor && run.kind !== "scheduled" && h("span", { class: "quiet" }, ` by ${run.actor}`)),
      h("td", { class: "c-when" }, when(run.started_at ?? run.created_at)),
      h("td", { class: "c-time number" }, duration(run.started_at, run.finished_at)),
      why && h("td", { class: "c-reason quiet" }, run.reason ?? "")));
  return h("table", { class: withDag ? "runs" : "runs one" },
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, "status"), withDag && h("th", { scope: "col" }, "dag"), h("th", { scope: "col" }, "planned for"),
      h("th", { scope: "col" }, "kind"), h("th", { scope: "col" }, "started"),
      h("th", { scope: "col", class: "number" }, "took"), why && h("th", { scope: "col" }, "why"))),
    h("tbody", {}, rows));
}

// When a dag runs next, in words and in local time, or why it does not.
export function next(dag) {
  if (dag.paused) return h("span", { class: "state" }, "paused");
  if (dag.problem) return h("span", { class: "state bad", title: dag.problem }, "schedule fails");
  if (!dag.next_run_at) return none(dag.schedules.length ? "no more" : "on trigger only");
  return h("span", { class: "next" }, due(dag.next_run_at), h("span", { class: "quiet at" }, zonedTime(dag.next_run_at)));
}

export function schedule(dag) {
  if (!dag.schedules.length) return none("on trigger only");
  return h("span", { class: "schedule", title: dag.timezone },
    dag.schedules.map((text, index) => [index ? " + " : "", h("code", {}, text)]),
    h("span", { class: "quiet zone" }, dag.timezone));
}

// Links that choose one value of a query parameter each; the one in force is marked.
export function choices(name, values, chosen, { label, query }) {
  return h("div", { class: "chips", role: "group", "aria-label": label }, values.map(({ value, text, count, status }) => {
    const wanted = new URLSearchParams(query);
    wanted.delete("before");
    const on = (chosen ?? "") === value;
    if (value === "" || (on && value !== "")) wanted.delete(name);
    else wanted.set(name, value);
    const to = wanted.toString();
    return h("a", { class: "chip", href: to ? `?${to}` : "?", "aria-current": on ? "true" : null, "data-key": `${name}-${value}` },
      status && mark(status), text, count > 1 && h("span", { class: "count" }, ` ${count}`));
  }));
}
