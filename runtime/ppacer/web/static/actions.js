// What people can do to dags from more than one view. Each asks first, and says what it will touch.

import { get, part, post } from "./api.js";
import { ask, field, tell } from "./dialog.js";
import { h } from "./dom.js";
import { plural, zonedTime } from "./format.js";
import { dagLink, runLink } from "./parts.js";
import { newKey, trigger } from "./trigger.js";

const reason = () => field("Reason", h("input", { name: "reason", maxlength: 500, autocomplete: "off" }), "for the dag's history");
const SILENCES = [["1800", "30 minutes"], ["7200", "2 hours"], ["28800", "8 hours"], ["86400", "a day"], ["604800", "a week"]];

export const actions = {
  async run({ dag }, { go }) {
    const { params, tasks } = await get(`/dags/${part(dag)}`);
    if (params.length) return go(dagLink(dag, "run"));
    const key = newKey();
    const made = await ask({
      title: `Run ${dag} now?`,
      body: `Makes one run with ${plural(tasks.filter((task) => task.handler === "none").length, "task")}. Its schedule goes on as before.`,
      label: "Run now",
      act: () => trigger(dag, {}, key),
    });
    return made && go(runLink(made));
  },

  async pause({ dag }) {
    const { dag: now } = await get(`/dags/${part(dag)}`);
    const done = await ask({
      title: `Pause ${dag}?`,
      body: [
        now.next_run_at ? `The run due ${zonedTime(now.next_run_at)} is not made, nor any after it, until the dag is resumed.` : "No scheduled runs are made until the dag is resumed.",
        `${now.active_runs ? `${plural(now.active_runs, "run")} under way ${now.active_runs === 1 ? "goes" : "go"} on.` : "Nothing is under way."} Runs can still be asked for.`],
      fields: [reason()],
      label: "Pause",
      act: (given) => post(`/dags/${part(dag)}/pause`, { reason: given.get("reason") }),
    });
    if (done) tell(`${dag} is paused.`);
  },

  async resume({ dag }) {
    const done = await ask({
      title: `Resume ${dag}?`,
      body: "Scheduled runs are made again. Whether those that were due meanwhile are made up for, the dag's catchup decides.",
      label: "Resume",
      act: () => post(`/dags/${part(dag)}/resume`, {}),
    });
    if (done) tell(`${dag} is scheduled again.`);
  },

  async silence({ dag }) {
    const done = await ask({
      title: `Silence ${dag}?`,
      body: "Nobody is alerted of this dag for so long. Runs go on.",
      fields: [
        field("For", h("select", { name: "seconds" }, SILENCES.map(([value, text]) => h("option", { value, selected: value === "7200" }, text)))),
        reason()],
      label: "Silence",
      act: (given) => post(`/dags/${part(dag)}/silence`, { seconds: Number(given.get("seconds")), reason: given.get("reason") }),
    });
    if (done) tell(`${dag} is silenced until ${zonedTime(done.silenced_until)}.`);
  },

  async unsilence({ dag }) {
    const done = await ask({
      title: `Alert of ${dag} again?`,
      body: "Those who are to be told of failures are told again from now on.",
      label: "Alert again",
      act: () => post(`/dags/${part(dag)}/silence`, {}),
    });
    if (done) tell(`${dag} is not silenced any more.`);
  },

  async "cancel-backfill"({ backfill }) {
    const now = await get(`/backfills/${part(backfill)}`);
    const done = await ask({
      title: `Cancel this backfill of ${now.dag}?`,
      body: `${plural(Math.max(0, now.total - now.made - now.passed_over), "run")} will not be made, and ${plural(now.active, "run")} under way ${now.active === 1 ? "is" : "are"} cancelled.`,
      label: "Cancel the backfill",
      danger: true,
      act: () => post(`/backfills/${part(backfill)}/cancel`, {}),
    });
    if (done) tell("The backfill is cancelled.");
  },

  async copy({ text }) {
    await copied(text);
    tell("Copied.");
  },

  theme() {
    const order = [undefined, "light", "dark"];
    const root = document.documentElement;
    const chosen = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
    if (chosen) { root.dataset.theme = chosen; localStorage.setItem("theme", chosen); }
    else { delete root.dataset.theme; localStorage.removeItem("theme"); }
    showTheme();
  },

  help: async () => (await import("./help.js")).help(),
  account: async () => (await import("./account.js")).account(),
};

// Browsers let a page have the clipboard over https and on loopback alone; what is selected may be copied everywhere.
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const held = h("textarea", { class: "unseen", "aria-hidden": "true" }, text);
  document.body.append(held);
  held.select();
  const done = document.execCommand("copy");
  held.remove();
  if (!done) throw new Error("The browser does not let this page copy.");
  return undefined;
}

export function showTheme() {
  const chosen = document.documentElement.dataset.theme;
  const text = `Colours: ${chosen ?? "as the system has them"}`;
  const button = document.getElementById("theme");
  button.title = text;
  button.querySelector(".unseen").textContent = text;
  button.querySelector("[aria-hidden]").textContent = { light: "☀", dark: "☾" }[chosen] ?? "◐";
}
