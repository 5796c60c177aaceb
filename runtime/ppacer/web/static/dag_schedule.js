// What is to come, and the past made up for: the next due times, and backfills.

import { get, part, post, search } from "./api.js";
import { ask, field, tell } from "./dialog.js";
import { h, morphChildren } from "./dom.js";
import { here, plural, timeIn } from "./format.js";
import { dagLink, due, badge, moment, none, when } from "./parts.js";

export function open(place, { id, signal, query, operator }) {
  let known = null;
  place.addEventListener("click", (event) => { if (event.target.closest("[data-begin]")) begin(known); });
  return async ({ dag, next_runs: times }) => {
    const before = query().get("before");
    const list = await get(`/backfills${search({ dag: id, before })}`, signal);
    morphChildren(place, [
      upcoming(dag, times),
      h("section", { "data-key": "backfills" },
        h("div", { class: "heading" },
          h("h2", {}, "Backfills"),
          operator && dag.schedules.length > 0 && h("button", { type: "button", "data-begin": true }, "New backfill")),
        list.backfills.length ? backfills(list.backfills, operator) : h("p", { class: "empty" }, dag.schedules.length ? "None yet. A backfill makes a run for each due time of the past that has none." : "A dag without a schedule has no due times to make up for."),
        h("nav", { class: "pages", "aria-label": "Pages" },
          before && h("a", { href: dagLink(id, "schedule") }, "Newest"),
          list.next && h("a", { href: `?before=${part(list.next)}`, rel: "next" }, "Older"))),
    ]);
    known = dag;
  };
}

function upcoming(dag, times) {
  const rows = times.map((iso, index) =>
    h("tr", { "data-key": iso },
      h("td", { class: "number quiet" }, String(index + 1)),
      h("td", {}, due(iso)),
      h("td", {}, timeIn(iso, here)),
      here !== dag.timezone && h("td", {}, timeIn(iso, dag.timezone))));
  return h("section", { "data-key": "next" },
    h("div", { class: "heading" }, h("h2", {}, times.length > 1 ? `Next ${times.length} runs` : "Next run")),
    dag.paused && h("p", { class: "notice" }, "The dag is paused: none of these is made until it is resumed."),
    dag.problem && h("p", { class: "notice bad" }, dag.problem),
    times.length
      ? h("div", { class: "scroll" }, h("table", { class: "times" },
        h("thead", { class: "stay" }, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, "number")), h("th", { scope: "col" }, "due"), h("th", { scope: "col" }, "here", h("span", { class: "note" }, ` ${here}`)), here !== dag.timezone && h("th", { scope: "col" }, "there", h("span", { class: "note" }, ` ${dag.timezone}`)))),
        h("tbody", {}, rows)))
      : h("p", { class: "empty" }, dag.schedules.length ? "Nothing is due any more." : "It has no schedule: runs are made when they are asked for."));
}

function backfills(list, operator) {
  return h("table", { class: "backfills cards" },
    h("thead", {}, h("tr", {}, ["status", "due times", "progress", "begun", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "unseen" }, "actions"))))),
    h("tbody", {}, list.map((each) =>
      h("tr", { "data-key": each.id },
        h("td", { class: "c-status" }, badge(each.status)),
        h("td", {}, moment(each.from_at), " – ", moment(each.until_at)),
        h("td", { class: "c-progress" },
          h("progress", { max: Math.max(1, each.total), value: each.passed_over + each.succeeded + each.failed, "aria-label": "Due times done" }),
          h("a", { href: `/runs?backfill=${part(each.id)}` }, [`${each.succeeded} of ${plural(each.total, "run")} went well`, each.failed && `${each.failed} failed`, each.active && `${each.active} under way`, each.passed_over && `${each.passed_over} were there`].filter(Boolean).join(", "))),
        h("td", { class: "c-when" }, when(each.created_at), h("span", { class: "quiet" }, ` by ${each.actor}`)),
        h("td", { class: "c-do" }, each.finished_at || !operator ? none("") : h("button", { type: "button", "data-do": "cancel-backfill", "data-backfill": each.id }, "Cancel"))))));
}

// Asks for the range.
async function begin(dag) {
  const input = (name, attributes) => h("input", { name, required: true, ...attributes });
  const made = await ask({
    title: `Backfill ${dag.id}`,
    body: `Makes a run for each due time of the range that has none, so many at once. Times are those of ${dag.timezone}.`,
    fields: [
      h("div", { class: "two" }, field("From", input("from_at", { type: "datetime-local" })), field("To before", input("until_at", { type: "datetime-local" }))),
      field("At once", input("parallel", { type: "number", min: 1, max: 1000, value: 1 }))],
    label: "Make the runs",
    act: (given) => post(`/dags/${part(dag.id)}/backfills`, { from_at: given.get("from_at"), until_at: given.get("until_at"), parallel: Number(given.get("parallel")) }),
  });
  if (made) tell(`The backfill has begun: ${plural(made.total, "due time")}.`);
}
