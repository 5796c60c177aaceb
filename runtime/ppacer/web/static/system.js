// What the program itself is doing: its health, executors, pools, what waits, its database, what could not be told.

import { Away, get, may, sleep } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { number, plural, words } from "./format.js";
import { follow, say } from "./live.js";
import { badge, dagLink, due, duration, fact, none, runLink, when } from "./parts.js";

const OFTEN = 5_000; // milliseconds: executors are heard of without anything having changed
const SELDOM = 30_000; // the rows of a database are counted
const SHOWN = 20;

export const title = () => "System";

export async function show(main, { signal }) {
  const parts = ["health", "executors", "pools", "runs", "database", "notifications", "audit"].map((name) => h("section", { class: `system-${name}`, "data-name": name }));
  main.replaceChildren(h("h1", {}, "System"), h("div", { class: "system" }, parts));
  const draw = (name, content) => morphChildren(parts.find((each) => each.dataset.name === name), content);
  const often = async () => {
    const [health, executors] = await Promise.all([askHealth(signal), get("/executors", signal)]);
    draw("health", healthOf(health));
    draw("executors", executorsOf(executors));
  };
  const seldom = async () => {
    const [database, failed] = await Promise.all([get("/database", signal), get(`/notifications?limit=${SHOWN}`, signal)]);
    draw("database", databaseOf(database));
    draw("notifications", notificationsOf(failed));
    if (await may("admin")) draw("audit", auditOf(await get(`/audit?limit=${SHOWN}`, signal)));
  };
  every(signal, OFTEN, often);
  every(signal, SELDOM, seldom);
  await follow(signal, async () => {
    const [pools, runs] = await Promise.all([get("/pools", signal), get(`/runs?status=running&status=queued&limit=${SHOWN + 1}`, signal), often()]);
    draw("pools", poolsOf(pools.pools));
    draw("runs", runsOf(runs.runs));
  });
}

// Does it now and again, not while nobody looks.
async function every(signal, milliseconds, work) {
  while (!signal.aborted) {
    try {
      if (!document.hidden) await work();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Away)) console.error(error);
      say("away");
    }
    await sleep(milliseconds, signal);
  }
}

// Health is told with 503, too, and then says what is wrong.
async function askHealth(signal) {
  const response = await fetch("/health", { cache: "no-store", signal }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Away("The program does not answer.");
  });
  return response.json();
}

function healthOf({ status, problem, program, version, build, leader, durability }) {
  return [
    h("div", { class: "heading" }, h("h2", {}, "Health"), h("span", { class: `health ${status === "ok" ? "well" : "ill"}`, role: "status" }, h("span", { class: `mark ${status === "ok" ? "success" : "failed"}`, "aria-hidden": "true" }), status === "ok" ? "works" : words(status))),
    problem && h("p", { class: "fault" }, problem),
    h("dl", { class: "facts" },
      fact("program", program),
      fact("ppacer", version),
      fact("build", h("code", { title: build, class: "id" }, build.slice(0, 12))),
      leader && fact("leads since", when(leader.since)),
      leader && fact("on", `${leader.host}, process ${leader.pid}`),
      leader?.url && fact("answers at", h("code", {}, leader.url)),
      leader && fact("leader epoch", number(leader.epoch)),
      fact("durability", durability)),
  ].filter(Boolean);
}

const LEASE = "What it runs counts as lost then, unless the lease is renewed before";

function executorsOf({ executors, waiting }) {
  const capacity = executors.reduce((sum, each) => sum + each.capacity, 0);
  const running = executors.reduce((sum, each) => sum + each.running, 0);
  return [
    h("div", { class: "heading" }, h("h2", {}, "Executors"), executors.length > 0 && h("span", { class: "quiet" }, `${number(running)} of ${plural(capacity, "place")} taken`),
      waiting > 0 && h("span", { class: "quiet" }, `${plural(waiting, "attempt")} ${waiting === 1 ? "waits" : "wait"} for a place`)),
    executors.length === 0 && h("p", { class: "empty" }, "No executor was heard of lately: tasks wait until one is there."),
    executors.length > 0 && h("table", { class: "entries executors" },
      h("thead", {}, h("tr", {}, ["executor", "load", "lease ends", "labels", "build", "heard of", "known for"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, executors.map((each) => h("tr", { "data-key": each.instance },
        h("td", { class: "c-name" }, h("span", { class: "name" }, each.name), h("span", { class: "quiet" }, each.in_program ? "in this program" : each.instance)),
        h("td", { class: "c-load" }, load(each.running, each.capacity, `load of ${each.name}`)),
        h("td", { class: "c-when", "data-label": "lease ends", title: LEASE }, each.leased_until ? due(each.leased_until) : none("runs nothing")),
        h("td", { "data-label": "labels" }, each.labels.length ? each.labels.map((label) => h("span", { class: "tag" }, label)) : none()),
        h("td", { "data-label": "build" }, each.current ? "this one" : h("span", { class: "state", title: each.build }, `another: ${each.build.slice(0, 8)}`)),
        h("td", { class: "c-when", "data-label": "heard of" }, when(each.last_seen_at)),
        h("td", { class: "c-when", "data-label": "known for" }, duration(each.first_seen_at, each.last_seen_at)))))),
  ].filter(Boolean);
}

function poolsOf(pools) {
  return [
    h("div", { class: "heading" }, h("h2", {}, "Pools")),
    pools.length === 0 && h("p", { class: "empty" }, "This program has no pools."),
    pools.length > 0 && h("table", { class: "entries" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "pool"), h("th", { scope: "col" }, "slots taken"), h("th", { scope: "col", class: "number" }, "attempts that wait"))),
      h("tbody", {}, pools.map((each) => h("tr", { "data-key": each.name },
        h("td", { class: "c-name" }, h("span", { class: "name" }, each.name)),
        h("td", { class: "c-load" }, load(each.used, each.slots, `slots of ${each.name}`)),
        h("td", { class: "number", "data-label": "wait:" }, number(each.waiting)))))),
  ].filter(Boolean);
}

// How much of it is taken, as a bar and in figures.
const load = (used, of, name) => h("span", { class: "load" },
  h("meter", { min: 0, max: Math.max(1, of), value: used, high: of ? of * 0.999 : null, optimum: 0, "aria-label": name }), h("span", {}, `${number(used)} of ${number(of)}`));

function runsOf(runs) {
  const waiting = runs.filter((run) => run.status === "queued").length;
  return [
    h("div", { class: "heading" }, h("h2", {}, "Runs under way"), h("a", { href: "/runs?status=running" }, "All runs")),
    runs.length === 0 && h("p", { class: "empty" }, "Nothing runs, and nothing waits."),
    waiting > 0 && h("p", { class: "quiet", "data-key": "waiting" }, `${plural(waiting, "run")} of those below ${waiting === 1 ? "waits" : "wait"} for its turn.`),
    runs.length > 0 && h("table", { class: "entries" },
      h("thead", {}, h("tr", {}, ["status", "dag", "run", "since"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, runs.slice(0, SHOWN).map((run) => h("tr", { "data-key": run.id },
        h("td", { class: "c-status" }, badge(run.status)),
        h("td", { class: "c-name" }, h("a", { href: dagLink(run.dag) }, run.dag)),
        h("td", {}, h("a", { href: runLink(run), class: "row" }, run.id.slice(-8)), " ", h("span", { class: "quiet" }, run.kind)),
        h("td", { class: "c-when" }, when(run.started_at ?? run.created_at)))))),
    runs.length > SHOWN && h("p", { class: "quiet", "data-key": "more" }, "and more"),
  ].filter(Boolean);
}

function databaseOf({ parts, durability }) {
  return [
    h("div", { class: "heading" }, h("h2", {}, "Database"), h("span", { class: "quiet" }, `durability ${durability}`)),
    h("table", { class: "entries" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "part"), h("th", { scope: "col" }, "where"), h("th", { scope: "col", class: "number" }, "schema"), h("th", { scope: "col", class: "number" }, "size"), h("th", { scope: "col" }, "rows"))),
      h("tbody", {}, parts.map((each) => h("tr", { "data-key": each.part },
        h("td", { class: "c-name" }, h("span", { class: "name" }, each.part)),
        h("td", {}, h("code", {}, each.name)),
        h("td", { class: "number", "data-label": "schema" }, each.version, each.half && h("span", { class: "state bad" }, "upgrade cut off")),
        h("td", { class: "number" }, bytes(each.size)),
        h("td", { class: "rows" }, Object.entries(each.rows).filter(([, count]) => count).sort((one, other) => other[1] - one[1]).map(([table, count]) => h("span", { class: "count" }, h("strong", {}, number(count)), ` ${words(table)}`))))))),
  ];
}

function notificationsOf({ notifications, next }) {
  return [
    h("div", { class: "heading" }, h("h2", {}, "What nobody could be told")),
    notifications.length === 0 && h("p", { class: "empty" }, "Everything that was to be told was told."),
    notifications.length > 0 && h("table", { class: "entries" },
      h("thead", {}, h("tr", {}, ["at", "what", "by", "why not"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, notifications.map((each) => h("tr", { "data-key": each.id },
        h("td", { class: "c-when" }, when(each.at)),
        h("td", {}, each.run ? h("a", { href: `/runs/${each.run}` }, each.subject) : each.subject),
        h("td", {}, each.notifier, h("span", { class: "quiet" }, `, ${plural(each.tries, "try", "tries")}`)),
        h("td", { class: "quiet" }, each.error ?? ""))))),
    next && h("p", { class: "quiet", "data-key": "more" }, "and older ones"),
  ].filter(Boolean);
}

function auditOf({ entries, next }) {
  return [
    h("div", { class: "heading" }, h("h2", {}, "What was done lately")),
    entries.length === 0 && h("p", { class: "empty" }, "Nobody has changed anything yet."),
    entries.length > 0 && h("table", { class: "entries audit" },
      h("thead", {}, h("tr", {}, ["at", "who", "what", "to what", "outcome"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, entries.map((each) => h("tr", { "data-key": each.id },
        h("td", { class: "c-when" }, when(each.at)),
        h("td", { class: "c-name" }, h("span", { class: "name" }, each.actor || "nobody known"), h("span", { class: "quiet" }, `${each.how}, ${each.address}`)),
        h("td", {}, words(each.action), each.detail && h("span", { class: "quiet" }, ` ${each.detail}`)),
        h("td", {}, subject(each)),
        h("td", { class: "c-outcome" }, each.outcome < 400 ? "done" : h("span", { class: "state bad" }, `refused, ${each.outcome}`)))))),
    next && h("p", { class: "quiet", "data-key": "more" }, "and earlier ones: ", h("code", {}, "audit"), " lists them all"),
  ].filter(Boolean);
}

const ID = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\/(.+))?$/;

// What something was done to; runs and backfills by the end of their ids, as everywhere.
function subject({ action, subject: text }) {
  const [, id, task] = ID.exec(text) ?? [];
  if (!id) return h("code", {}, text);
  if (action.includes("backfill")) return h("a", { href: `/runs?backfill=${id}`, title: id }, `backfill ${id.slice(-8)}`);
  return h("a", { href: `/runs/${id}${task ? `?task=${encodeURIComponent(task)}` : ""}`, title: id }, `run ${id.slice(-8)}${task ? `, ${task}` : ""}`);
}

function bytes(size) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit += 1; }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}
