// What people can do to dags from more than one view. Each asks first, and says what it will touch.

import { get, part, post } from "./api.js";
import { ask, tell } from "./dialog.js";
import { h } from "./dom.js";
import { plural, zonedTime } from "./format.js";
import { dagLink, runLink } from "./parts.js";

const reason = () => h("label", { class: "field" }, h("span", {}, "Reason ", h("span", { class: "quiet" }, "for the dag's history")), h("input", { name: "reason", maxlength: 500, autocomplete: "off" }));

export const actions = {
  async run({ dag }, { go }) {
    const { params, tasks } = await get(`/dags/${part(dag)}`);
    if (params.length) return go(dagLink(dag, "run"));
    const sure = await ask({
      title: `Run ${dag} now?`,
      body: h("p", {}, `Makes one run with ${plural(tasks.filter((task) => task.handler === "none").length, "task")}. Its schedule goes on as before.`),
      confirm: "Run now",
    });
    if (!sure) return undefined;
    const made = await post(`/dags/${part(dag)}/runs`, {}, { "Idempotency-Key": crypto.randomUUID() });
    return go(runLink(made));
  },

  async pause({ dag }) {
    const { dag: now } = await get(`/dags/${part(dag)}`);
    const given = await ask({
      title: `Pause ${dag}?`,
      body: [
        h("p", {}, now.next_run_at ? `The run due ${zonedTime(now.next_run_at)} is not made, nor any after it, until the dag is resumed.` : "No scheduled runs are made until the dag is resumed."),
        h("p", {}, now.active_runs ? `${plural(now.active_runs, "run")} under way ${now.active_runs === 1 ? "goes" : "go"} on. ` : "Nothing is under way. ", "Runs can still be asked for."),
        reason()],
      confirm: "Pause",
    });
    if (!given) return;
    await post(`/dags/${part(dag)}/pause`, { reason: given.get("reason") });
    tell(`${dag} is paused.`);
  },

  async resume({ dag }) {
    const sure = await ask({
      title: `Resume ${dag}?`,
      body: h("p", {}, "Scheduled runs are made again. Whether those that were due meanwhile are made up for, the dag's catchup decides."),
      confirm: "Resume",
    });
    if (!sure) return;
    await post(`/dags/${part(dag)}/resume`, {});
    tell(`${dag} is scheduled again.`);
  },

  async silence({ dag }) {
    const given = await ask({
      title: `Silence ${dag}?`,
      body: [
        h("p", {}, "Nobody is alerted of this dag for so long. Runs go on."),
        h("label", { class: "field" }, h("span", {}, "For"), h("select", { name: "seconds" }, [["1800", "30 minutes"], ["7200", "2 hours"], ["28800", "8 hours"], ["86400", "a day"], ["604800", "a week"]].map(([value, text]) => h("option", { value, selected: value === "7200" }, text)))),
        reason()],
      confirm: "Silence",
    });
    if (!given) return;
    const { silenced_until: until } = await post(`/dags/${part(dag)}/silence`, { seconds: Number(given.get("seconds")), reason: given.get("reason") });
    tell(`${dag} is silenced until ${zonedTime(until)}.`);
  },

  async unsilence({ dag }) {
    if (!(await ask({ title: `Alert of ${dag} again?`, body: h("p", {}, "Those who are to be told of failures are told again from now on."), confirm: "Alert again" }))) return;
    await post(`/dags/${part(dag)}/silence`, {});
    tell(`${dag} is not silenced any more.`);
  },

  async "cancel-backfill"({ backfill }) {
    const now = await get(`/backfills/${part(backfill)}`);
    const sure = await ask({
      title: `Cancel this backfill of ${now.dag}?`,
      body: h("p", {}, `${plural(Math.max(0, now.total - now.made - now.passed_over), "run")} will not be made, and ${plural(now.active, "run")} under way ${now.active === 1 ? "is" : "are"} cancelled.`),
      confirm: "Cancel the backfill",
      cancel: "Keep it",
      danger: true,
    });
    if (!sure) return;
    await post(`/backfills/${part(backfill)}/cancel`, {});
    tell("The backfill is cancelled.");
  },

  async copy({ text }) {
    await navigator.clipboard.writeText(text);
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
};

export function showTheme() {
  const chosen = document.documentElement.dataset.theme;
  const text = `Colours: ${chosen ?? "as the system has them"}`;
  const button = document.getElementById("theme");
  button.title = text;
  button.querySelector(".unseen").textContent = text;
  button.querySelector("[aria-hidden]").textContent = { light: "☀", dark: "☾" }[chosen] ?? "◐";
}
