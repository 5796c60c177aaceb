// One run: its tasks on a time line, and beside them the attempts and live log of the task that was picked.

import { get, part, repeat, sleep } from "./api.js";
import { fact } from "./dag.js";
import { h, morphChildren } from "./dom.js";
import { fullTime, milliseconds, words } from "./format.js";
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
    const task = detail.tasks.find((each) => key(each) === picked);
    panel.show(task ?? null, Number(query().get("attempt")) || null);
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

const key = (task) => (task.label === null ? task.id : `${task.id}[${task.position}]`);

function view({ run, tasks, params }, picked, place) {
  const link = (task) => `?task=${part(key(task))}`;
  const done = tasks.filter((task) => !["waiting", "queued", "running", "retrying"].includes(task.status)).length;
  return [
    h("section", { "data-key": "run" },
      h("div", { class: "heading" },
        h("h1", {}, h("a", { href: dagLink(run.dag) }, run.dag), " ", badge(run.status)),
        !ENDED.has(run.status) && h("button", { type: "button", "data-cancel": run.id }, "Cancel run")),
      h("dl", { class: "facts" },
        fact(run.kind === "manual" ? "asked for" : "planned for", fullTime(run.scheduled_at)),
        fact("started", when(run.started_at)),
        fact("took", duration(run.started_at, run.finished_at)),
        fact("tasks done", `${done} of ${tasks.length}`),
        fact("by", run.actor),
        run.reason && fact("reason", run.reason),
        Object.keys(params ?? {}).length > 0 && fact("params", h("code", {}, JSON.stringify(params))),
        fact("run", h("code", { class: "id" }, run.id)))),
    h("section", { "data-key": "body", class: picked ? "split picked" : "split" },
      h("div", {},
        h("table", { class: "tasks" },
          h("thead", {}, h("tr", {}, h("th", {}, "task"), h("th", {}, "status"), h("th", { class: "number" }, "took"), h("th", { class: "c-bar" }, "time line"))),
          h("tbody", {}, tasks.map((task) =>
            h("tr", { "data-key": key(task), class: key(task) === picked ? "here" : null },
              h("td", { class: "c-name" },
                h("a", { href: link(task), class: "row", "aria-current": key(task) === picked ? "true" : null }, key(task)),
                task.label !== null && h("span", { class: "quiet" }, task.label)),
              h("td", { class: "c-status" }, badge(task.status), task.attempts.length > 1 && h("span", { class: "quiet" }, ` ×${task.attempts.length}`)),
              h("td", { class: "c-time number" }, duration(first(task), task.finished_at ?? last(task))),
              h("td", { class: "c-bar" }, h("span", { class: "lane", "aria-hidden": "true" }, task.attempts.filter((attempt) => attempt.started_at).map((attempt) =>
                h("span", { class: `bar ${attempt.status}`, "data-key": attempt.id, title: `attempt ${attempt.number}: ${words(attempt.status)}` }))))))))),
      place),
  ];
}

const first = (task) => task.attempts.find((attempt) => attempt.started_at)?.started_at ?? null;
const last = (task) => (task.status === "running" ? null : task.attempts.at(-1)?.finished_at ?? null);

// Places the bars by script: the content policy allows no style in the page itself.
function bars(main, { run, tasks }) {
  const starts = tasks.map(first).filter(Boolean).map(milliseconds);
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
