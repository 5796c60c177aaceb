// The keys, and what the marks mean.

import { ask } from "./dialog.js";
import { h } from "./dom.js";
import { badge } from "./parts.js";

const KEYS = [
  ["j, k", "next and previous row"],
  ["Enter", "open the row"],
  ["r, p", "run, and pause or resume, the dag of the row or the one shown"],
  ["/", "search"],
  ["Esc", "leave the search; then, filters off"],
  ["g d, g r, g s", "dags, runs, system"],
  ["[, ]", "previous and next tab"],
  ["?", "this help"],
];
const STATUSES = ["success", "failed", "running", "queued", "waiting", "retrying", "deferred", "skipped", "upstream_failed", "timed_out", "lost", "cancelled"];

export function help() {
  return ask({
    title: "Keys and marks",
    body: [
      h("dl", { class: "keys" }, KEYS.map(([keys, text]) => h("div", {}, h("dt", {}, keys.split(", ").map((key, index) => [index ? ", " : "", h("kbd", {}, key)])), h("dd", {}, text)))),
      h("h3", {}, "Marks"),
      h("ul", { class: "legend" }, STATUSES.map((status) => h("li", {}, badge(status)))),
    ],
    back: "Close",
  });
}
