// How long runs and tasks took lately: a chart of runs, and a row for each task.

import { get, part, search } from "./api.js";
import { h, morphChildren, svg } from "./dom.js";
import { elapsed, milliseconds, words, zonedTime } from "./format.js";
import { runLink } from "./parts.js";

const RUNS = 60;
const HEIGHT = 180;

export function open(place, { id, signal }) {
  return async () => {
    const grid = await get(`/dags/${part(id)}/grid${search({ limit: RUNS })}`, signal);
    morphChildren(place, view(grid));
  };
}

const took = (run) => (milliseconds(run.finished_at) - milliseconds(run.started_at)) / 1000;

function median(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function view({ tasks, runs }) {
  const ended = runs.filter(({ run }) => run.started_at && run.finished_at).reverse();
  if (!ended.length) return [h("p", { class: "empty" }, "No run has ended yet.")];
  const went = ended.filter(({ run }) => run.status === "success").map(({ run }) => took(run));
  const usual = median(went);
  return [
    h("div", { class: "heading", "data-key": "heading" },
      h("h2", {}, "Runs"),
      h("span", { class: "quiet" }, usual === null ? "none went well lately" : `half of those that went well took less than ${elapsed(usual)}`)),
    h("div", { class: "card chart", "data-key": "chart" }, chart(ended, usual)),
    h("div", { class: "heading", "data-key": "of-tasks" }, h("h2", {}, "Tasks"), h("span", { class: "quiet" }, "when they went well")),
    h("div", { class: "scroll", "data-key": "tasks" }, h("table", { class: "durations" },
      h("thead", { class: "stay" }, h("tr", {}, ["task", "lately", "median", "longest", "last"].map((text, index) => h("th", { scope: "col", class: index > 1 ? "number" : null }, text)))),
      h("tbody", {}, tasks.map((task, index) => taskRow(task, ended.map(({ cells }) => cells[index])))))),
  ];
}

// Steps of an axis that people read at a glance, in seconds.
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 604800];
const label = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)}ms` : seconds < 60 ? `${seconds}s` : seconds < 3600 ? `${seconds / 60}m` : seconds < 86400 ? `${seconds / 3600}h` : `${seconds / 86400}d`);

function chart(ended, usual) {
  const most = Math.max(...ended.map(({ run }) => took(run)), 0.01);
  const step = STEPS.find((each) => most / each <= 4) ?? Math.ceil(most / 4);
  const top = Math.ceil(most / step) * step;
  const y = (seconds) => HEIGHT - (seconds / top) * HEIGHT;
  const lines = [];
  for (let at = 0; at <= top + step / 2; at += step) lines.push(at);
  const wide = 100 / Math.max(ended.length, 20);
  return [
    h("div", { class: "amounts", "aria-hidden": "true" }, [...lines].reverse().map((at) => h("span", {}, label(Number(at.toFixed(4)))))),
    svg("svg", { class: "bars", role: "group", "aria-label": `How long the last ${ended.length} runs took`, viewBox: `0 0 100 ${HEIGHT}`, preserveAspectRatio: "none" },
      lines.map((at) => svg("line", { class: "rule", x1: 0, x2: 100, y1: y(at), y2: y(at) })),
      ended.map(({ run }, index) => {
        const seconds = took(run);
        const text = `${words(run.status)}, ${elapsed(seconds)}, ${zonedTime(run.scheduled_at)}`;
        const height = Math.max(2, HEIGHT - y(seconds));
        return svg("a", { href: runLink(run), "aria-label": text, class: run.status }, svg("title", {}, text),
          svg("rect", { class: "reach", x: index * wide, y: 0, width: wide, height: HEIGHT }),
          svg("rect", { class: "fill", x: index * wide + wide * 0.14, y: HEIGHT - height, width: wide * 0.72, height }),
          run.status === "failed" && svg("rect", { class: "cap", x: index * wide + wide * 0.14, y: HEIGHT - height - 4, width: wide * 0.72, height: 2.5 }));
      }),
      usual !== null && svg("line", { class: "usual", x1: 0, x2: 100, y1: y(usual), y2: y(usual) })),
  ];
}

function taskRow(task, cells) {
  const values = cells.map((cell) => (cell && cell.status === "success" && cell.seconds !== null ? cell.seconds : null));
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0.001);
  const figure = (value) => h("td", { class: "number" }, value === null || value === undefined ? h("span", { class: "none" }, "–") : elapsed(value));
  const wide = 100 / Math.max(20, values.length);
  return h("tr", { "data-key": task.id },
    h("td", { class: "c-name" }, h("span", { class: "name" }, task.id)),
    h("td", { class: "c-spark" }, known.length > 0 && svg("svg", { class: "spark success", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" },
      values.map((value, index) => value !== null && svg("rect", { class: "fill", x: index * wide, width: wide * 0.75, y: 24 - Math.max(1, (22 * value) / most), height: Math.max(1, (22 * value) / most) })))),
    figure(median(known)), figure(known.length ? most : null), figure(known.at(-1)));
}
