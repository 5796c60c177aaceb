// One run: its tasks on a time line, and beside them the attempts and live log of the task that was picked.

import { get, part, repeat, sleep } from "./api.js";
import { fact } from "./dag.js";
import { h, morphChildren } from "./dom.js";
import { fullTime, milliseconds, plural, shortTime, words } from "./format.js";
import { LogPanel } from "./log.js";
import { badge, dagLink, duration, when } from "./parts.js";

const ENDED = new Set(["success", "failed", "cancelled"]);

export const title = (id) => `run ${id.slice(-8)}`;

export async function show(main, { id, signal, query, crumb }) {
  const place = h("div", { class: "panel", "data-keep": true });
  const panel = new LogPanel(place, id, signal);
  let detail = null;
  const draw = () => {
    const picked = query().get("task");
    morphChildren(main, view(detail, picked, place));
    bars(main, detail);
    const task = detail.tasks.find((each) => each.name === picked);
    panel.show(task ?? null, Number(query().get("attempt")) || null, Number(query().get("epoch")) || null);
  };
  addEventListener("ppacer:query", () => { if (detail) draw(); }, { signal });
  await repeat(signal, async () => {
    if (detail) {
      const wait = ENDED.has(detail.run.status) ? 55 : 25;
      const { seq } = await get(`/runs/${part(id)}/changes?since=${detail.seq}&wait=${wait}`, signal);
      if (seq === detail.seq) return true;
    }
    detail = await get(`/runs/${part(id)}`, signal);
    crumb([detail.run.dag, dagLink(detail.run.dag)]);
    draw();
    await sleep(200, signal);
  });
}

function view({ run, tasks, params }, picked, place) {
  const link = (task) => `?task=${part(task.name)}`;
  const [done, total] = counted(tasks);
  return [
    h("section", { "data-key": "run" },
      h("div", { class: "heading" },
        h("h1", {}, h("a", { href: dagLink(run.dag) }, run.dag), " ", badge(run.status)),
        !ENDED.has(run.status) && h("button", { type: "button", "data-cancel": run.id }, "Cancel run")),
      h("dl", { class: "facts" },
        fact(run.kind === "manual" ? "asked for" : "planned for", fullTime(run.scheduled_at)),
        fact("started", when(run.started_at)),
        fact("took", duration(run.started_at, run.finished_at)),
        total > 0 && fact("tasks done", `${done} of ${total}`),
        fact("by", run.actor),
        run.late_at && fact("late", when(run.late_at)),
        run.epoch > 1 && fact("epoch", String(run.epoch)),
        run.reason && fact("reason", run.reason),
        Object.keys(params ?? {}).length > 0 && fact("params", h("code", {}, JSON.stringify(params))),
        fact("run", h("code", { class: "id" }, run.id)))),
    h("section", { "data-key": "body", class: picked ? "split picked" : "split" },
      h("div", {},
        !tasks.length && h("p", { class: "empty" }, ENDED.has(run.status) ? "It ended before it began." : "It waits for its turn: no more runs of the dag may be active."),
        tasks.length > 0 && h("table", { class: "tasks" },
          h("thead", {}, h("tr", {}, h("th", {}, "task"), h("th", {}, "status"), h("th", { class: "number" }, "took"), h("th", { class: "c-bar" }, "time line"))),
          h("tbody", {}, tasks.map((task) =>
            h("tr", { "data-key": task.name, class: task.name === picked ? "here" : null },
              h("td", { class: "c-name" },
                h("a", { href: link(task), class: "row", "aria-current": task.name === picked ? "true" : null }, task.name),
                note(task) && h("span", { class: "quiet" }, note(task))),
              h("td", { class: "c-status" }, badge(task.status), task.attempts.length > 1 && h("span", { class: "quiet" }, ` ×${task.attempts.length}`)),
              h("td", { class: "c-time number" }, duration(first(task), task.finished_at ?? last(task))),
              h("td", { class: "c-bar" }, h("span", { class: "lane", "aria-hidden": "true" }, task.attempts.filter((attempt) => attempt.started_at).map((attempt) =>
                h("span", { class: `bar ${attempt.status}`, "data-key": attempt.id, title: `attempt ${attempt.number}: ${words(attempt.status)}` }))))))))),
      tasks.length > 0 && place),
  ];
}

// What stands below a task's name: what a member of a family stands for, how a family's members do, how far it has come.
function note(task) {
  const parts = [];
  if (task.label !== null) parts.push(task.label);
  if (task.family?.members) {
    parts.push(`${ended(task.family)} of ${plural(task.family.members, "member")} done`);
    if (task.family.shown < task.family.members) parts.push(`${task.family.shown} of them below`);
  }
  if (task.reason) parts.push(task.reason);
  if (task.waits_for) parts.push(`waits for ${task.waits_for}`);
  const attempt = task.status === "running" ? task.attempts.at(-1) : null;
  if (attempt?.status === "deferred") parts.push(attempt.due_at ? `waits until ${shortTime(attempt.due_at)}` : "waits");
  const progress = attempt?.progress;
  if (progress) parts.push([progress.fraction === null ? "" : `${Math.round(progress.fraction * 100)}%`, progress.message].filter(Boolean).join(" "));
  return parts.filter(Boolean).join(" · ");
}

const UNFINISHED = new Set(["waiting", "queued", "running", "retrying"]);
const ended = (family) => Object.entries(family.counts).reduce((sum, [status, count]) => sum + (UNFINISHED.has(status) ? 0 : count), 0);

// How many tasks have ended and how many there are; a family counts as its members.
function counted(tasks) {
  let done = 0, total = 0;
  for (const task of tasks) {
    if (task.family?.members) { done += ended(task.family); total += task.family.members; }
    else if (task.name === task.id) { done += UNFINISHED.has(task.status) ? 0 : 1; total += 1; }
  }
  return [done, total];
}

// Of the attempts of its latest epoch, or of a family as a whole.
const first = (task) => {
  const epoch = task.attempts.at(-1)?.epoch;
  return task.attempts.find((attempt) => attempt.started_at && attempt.epoch === epoch)?.started_at ?? (task.family ? task.started_at : null);
};
const last = (task) => (task.status === "running" ? null : task.attempts.at(-1)?.finished_at ?? null);

// Places the bars by script: the content policy allows no style in the page itself.
function bars(main, { run, tasks }) {
  const starts = tasks.flatMap((task) => task.attempts).map((attempt) => attempt.started_at).filter(Boolean).map(milliseconds);
  if (!starts.length) return;
  const begin = Math.min(...starts);
  const end = run.finished_at ? Math.max(milliseconds(run.finished_at), begin + 1) : Math.max(Date.now(), begin + 1);
  const attempts = new Map(tasks.flatMap((task) => task.attempts).map((attempt) => [attempt.id, attempt]));
  for (const bar of main.querySelectorAll(".bar")) {
    const attempt = attempts.get(bar.dataset.key);
    const from = (milliseconds(attempt.started_at) - begin) / (end - begin);
    const to = ((attempt.finished_at ? milliseconds(attempt.finished_at) : end) - begin) / (end - begin);
    bar.style.insetInlineStart = `${from * 100}%`;
    bar.style.inlineSize = `${Math.max(0, to - from) * 100}%`;
  }
}
