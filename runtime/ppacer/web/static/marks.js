// The marks of statuses in pictures: the same shapes, letters and colours as among text (`mark` in parts.js, parts.css).

import { svg } from "./dom.js";

const LETTERS = { success: "✓", failed: "✕", timed_out: "T", lost: "?", retrying: "↻", upstream_failed: "↑", cancelled: "/", skipped: "–", queued: "…", deferred: "z" };
const ROUND = new Set(["running", "waiting"]);

// A mark in a square of 16.
export function sign(status) {
  const group = svg("g", { class: "sign" }, svg("rect", { x: 0.75, y: 0.75, width: 14.5, height: 14.5, rx: ROUND.has(status) ? 7.25 : 4 }));
  if (status === "running") group.append(svg("circle", { cx: 8, cy: 8, r: 3 }));
  else if (LETTERS[status]) group.append(svg("text", { x: 8, y: 12 }, LETTERS[status]));
  return group;
}
