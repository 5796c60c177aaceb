// One run: what it is, and its tasks as a graph, on a time line, as a table, its history; beside them the picked task.

import { get, may, part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { fullTime, notation, plural, shortTime } from "./format.js";
import { Graph } from "./graph.js";
import { follow } from "./live.js";
import { imported } from "./modules.js";
import { badge, dagLink, duration, fact, when } from "./parts.js";
import { ENDED, runActions } from "./run_actions.js";
import { counted, ended, TaskTable } from "./run_tasks.js";

const VIEWS = [["graph", "Graph"], ["gantt", "Gantt"], ["tasks", "Tasks"], ["events", "Events"]];
const MEMBER = /^(.+)\[(\d+)\]$/s;

export const title = (id) => `run ${id.slice(-8)}`;

const FIRST = VIEWS[0][0];
const LATER = { gantt: () => import("./gantt.js"), events: () => import("./run_events.js") };

export async function show(main, { id, signal, query, crumb, go }) {
  const shown = () => location.pathname.split("/")[3] ?? FIRST;
  // The address of this page with other things picked; `null` is no longer picked.
  const link = ({ view = shown(), ...changes }) => {
    const next = query();
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) next.delete(name);
      else next.set(name, value);
    }
    const text = next.toString();
    return `/runs/${part(id)}${view === FIRST ? "" : `/${view}`}${text && `?${text}`}`;
  };
  const view = new RunView(id, { link, query, shown, go }, signal);
  main.replaceChildren(view.element);
  let seq = -1;
  addEventListener("ppacer:query", () => view.draw(), { signal });
  // Escape closes the task before it means anything else.
  main.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && query().get("task") && !event.target.matches("input, select")) {
      event.stopPropagation();
      main.querySelector(".panel .close")?.click();
    }
  }, { signal });
  const allowed = may("operator");
  await follow(signal, async () => {
    if (seq >= 0 && (await get(`/runs/${part(id)}/changes?since=${seq}`, signal)).seq === seq) return;
    const detail = await get(`/runs/${part(id)}?logs=false`, signal);
    seq = detail.seq;
    crumb([detail.run.dag, dagLink(detail.run.dag)]);
    await view.update(detail, await allowed);
  });
}

class RunView {
  element = h("div", { class: "run-view" });
  #id;
  #link;
  #query;
  #shown;
  #go;
  #signal;
  #detail = null;
  #allowed = false;
  #member = null;
  #head = h("section", { class: "run-head" });
  #tabs = h("nav", { class: "tabs", "aria-label": "Views of the run" });
  #place = h("div", { class: "view" });
  #panel = null;
  #split;
  #views = {};

  constructor(id, { link, query, shown, go }, signal) {
    this.#id = id;
    this.#link = link;
    this.#query = query;
    this.#shown = shown;
    this.#go = go;
    this.#signal = signal;
    this.#split = h("div", { class: "split" }, this.#place);
    this.element.append(this.#head, this.#tabs, this.#split);
  }

  async update(detail, allowed) {
    this.#detail = detail;
    this.#allowed = allowed;
    await this.draw();
  }

  async draw() {
    if (!this.#detail) return;
    const { run, tasks } = this.#detail;
    morphChildren(this.#head, header(this.#detail, this.#allowed ? runActions(run, tasks) : []));
    const name = this.#wanted();
    const picked = this.#query().get("task");
    morphChildren(this.#tabs, VIEWS.map(([each, text]) => h("a", { href: this.#link({ view: each }), "aria-current": each === name ? "page" : null, "data-key": each }, text)));
    this.#split.classList.toggle("picked", Boolean(picked));
    await this.#show(name, picked);
    const [task] = picked ? await Promise.all([this.#find(picked), this.#makePanel()]) : [null];
    if (picked === this.#query().get("task")) this.#panel?.show(this.#detail.run, task, { tried: Number(this.#query().get("attempt")) || null, epoch: Number(this.#query().get("epoch")) || null, changes: this.#allowed });
    if (picked && !task) this.#split.classList.remove("picked");
  }

  // The view of the address: the first one where that names none.
  #wanted() {
    const named = this.#shown();
    return VIEWS.some(([each]) => each === named) ? named : FIRST;
  }

  async #show(name, picked) {
    if (!this.#detail.tasks.length && name !== "events") {
      this.#place.replaceChildren(h("p", { class: "empty" }, ENDED.has(this.#detail.run.status) ? "It ended before it began." : "It waits for its turn: no more runs of the dag may be active."));
      return;
    }
    const loaded = LATER[name] && (await imported(LATER[name]));
    if (this.#wanted() !== name) return; // it was loaded meanwhile
    const view = (this.#views[name] ??= this.#make(name, loaded));
    const { tasks } = this.#detail;
    if (this.#place.firstChild !== view.element) this.#place.replaceChildren(view.element);
    if (name === "graph") {
      view.show(states(tasks));
      view.select(picked && (tasks.find((task) => task.name === picked)?.id ?? MEMBER.exec(picked)?.[1]));
    } else view.show(this.#detail, picked);
  }

  // The panel of the picked task, which is loaded with the first that is picked.
  async #makePanel() {
    const { TaskPanel } = await imported(() => import("./run_panel.js"));
    if (this.#panel) return;
    this.#panel = new TaskPanel(this.#signal, this.#link);
    this.#split.append(this.#panel.element);
  }

  // `loaded` is the module of a view that is loaded when it is first looked at.
  #make(name, loaded) {
    if (name === "gantt") return new loaded.Gantt(this.#link, this.#signal);
    if (name === "tasks") return new TaskTable(this.#link);
    if (name === "events") return new loaded.EventTable(this.#id, this.#link, this.#signal);
    const whole = this.#detail.tasks.filter((task) => task.name === task.id);
    return new Graph({
      tasks: whole.map(({ id, parents, x, y, family, handler, callable }) => ({ id, parents, x, y, below: under({ family, handler, callable }), kind: family ? "family" : handler === "none" ? "task" : "handler" })),
      pick: (id) => this.#go(this.#link({ task: id, attempt: null, epoch: null })),
      label: `The tasks of this run of ${this.#detail.run.dag}`,
      list: this.#link({ view: "tasks" }),
    });
  }

  // The task of that name. A member that the run's answer does not hold is asked for.
  async #find(name) {
    const found = this.#detail.tasks.find((task) => task.name === name);
    if (found) return found;
    const [, family, position] = MEMBER.exec(name) ?? [];
    if (!this.#detail.tasks.some((task) => task.id === family && task.family)) return null;
    try {
      this.#member = await get(`/runs/${part(this.#id)}/tasks/${part(family)}?position=${position}`, this.#signal);
      return { ...this.#member, name };
    } catch {
      return this.#member?.id === family && this.#member.position === Number(position) ? this.#member : null;
    }
  }
}

function header({ run, tasks, params }, actions) {
  const [done, total] = counted(tasks);
  const given = Object.entries(params ?? {});
  return [
    h("div", { class: "heading" },
      h("h1", {}, h("a", { href: dagLink(run.dag) }, run.dag), " ", badge(run.status)),
      h("div", { class: "actions", "data-key": `actions ${run.status}` }, actions)),
    h("dl", { class: "facts" },
      fact(run.kind === "manual" ? "asked for" : "planned for", h("time", { datetime: run.scheduled_at, title: run.scheduled_at }, fullTime(run.scheduled_at))),
      fact("kind", run.kind),
      fact("by", run.actor),
      fact("started", when(run.started_at)),
      fact("took", duration(run.started_at, run.finished_at)),
      total > 0 && fact("tasks done", `${done} of ${total}`),
      run.outcome && !ENDED.has(run.status) && fact("will be", badge(run.outcome)),
      run.late_at && fact("late since", h("span", { class: "late" }, shortTime(run.late_at))),
      run.epoch > 1 && fact("epoch", String(run.epoch)),
      run.backfill && fact("backfill", h("code", {}, run.backfill.slice(-8))),
      fact("run", h("code", { class: "id" }, run.id)),
      given.length > 0 && fact("params", given.length <= 4 ? h("span", { class: "params" }, given.map(param)) : h("details", { "data-key": "params" }, h("summary", {}, plural(given.length, "param")), h("span", { class: "params" }, given.map(param))))),
    run.reason && h("p", { class: "reason" }, run.reason),
  ].filter(Boolean);
}

const param = ([name, value]) => h("code", {}, `${name} = ${written(value)}`);

// A value as its author would write it: what JSON lacks comes with a tag.
const written = (value) => (value?.$ === "duration" ? notation(value.v / 1e6) : value?.$ ? String(value.v) : JSON.stringify(value));

function under({ family, handler, callable }) {
  const kind = { success: "on success · ", failure: "on failure · ", finally: "finally · " }[handler] ?? "";
  return `${kind}${family ? "family of " : ""}${callable.replace(/^.*[.:]/, "").replace(/_$/, "")}`;
}

// What the graph says of each task.
function states(tasks) {
  const found = new Map();
  for (const task of tasks) {
    if (task.name !== task.id) continue;
    const state = { status: task.status };
    if (task.family?.members) {
      const { members, counts } = task.family;
      state.below = counts.failed ? `${ended(task.family)}/${members} · ${counts.failed} failed` : `${ended(task.family)}/${members} done`;
    } else if (task.attempts.length > 1) state.below = `${under(task)} ×${task.attempts.length}`;
    found.set(task.id, state);
  }
  return found;
}
