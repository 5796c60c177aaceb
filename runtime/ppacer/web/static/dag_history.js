// Who did what to a dag, and what became of its due times; newest first.

import { get, part, search } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { longTime, words, zonedTime } from "./format.js";
import { dagLink, shortId } from "./parts.js";

export function open(place, { id, signal, query }) {
  return async () => {
    const before = query().get("before");
    const list = await get(`/dags/${part(id)}/events${search({ before })}`, signal);
    morphChildren(place, [
      list.events.length
        ? h("table", { class: "events cards", "data-key": "events" },
          h("thead", {}, h("tr", {}, ["when", "what", "by", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "unseen" }, "more"))))),
          h("tbody", {}, list.events.map((event) => h("tr", { "data-key": event.id },
            h("td", { class: "c-when" }, h("time", { datetime: event.at, title: longTime(event.at) }, zonedTime(event.at))),
            h("td", { class: "c-name" }, h("span", { class: "name" }, words(event.kind))),
            h("td", { class: "c-actor" }, event.actor),
            h("td", { class: "quiet" }, told(event.payload, id))))))
        : h("p", { class: "empty", "data-key": "none" }, "Nothing yet: pauses, backfills, silences and missed due times are noted here."),
      h("nav", { class: "pages", "aria-label": "Pages", "data-key": "pages" },
        before && h("a", { href: dagLink(id, "history") }, "Newest"),
        list.next && h("a", { href: `?before=${part(list.next)}`, rel: "next" }, "Older")),
    ]);
  };
}

const AN_AGE = 1e15; // microseconds since 1970: whole numbers above are moments, as histories keep them

function told(payload, dag) {
  if (payload === null || typeof payload !== "object") return payload === null || payload === undefined ? "" : String(payload);
  return Object.entries(payload)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value], index) => [index ? " · " : "", `${words(name)}: `, one(name, value, dag)]);
}

function one(name, value, dag) {
  if (name === "build") return h("a", { href: `${dagLink(dag, "source")}?version=${part(value)}` }, h("code", {}, value.slice(0, 12)));
  if (name === "id") return h("a", { href: `/runs?backfill=${part(value)}`, title: value }, shortId(value));
  if (Number.isInteger(value) && value > AN_AGE) return zonedTime(new Date(value / 1000).toISOString());
  return typeof value === "string" ? value : JSON.stringify(value);
}
