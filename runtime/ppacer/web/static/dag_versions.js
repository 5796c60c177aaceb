// The shapes that a dag has had, and what each changed in the one before.

import { get, part } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { number } from "./format.js";
import { dagLink, moment } from "./parts.js";

const STEP = 20;
const MOST = 100;

export function open(place, { id, signal, query }) {
  return async () => {
    const limit = Math.min(MOST, Number(query().get("limit")) || STEP);
    const list = await get(`/dags/${part(id)}/versions?limit=${limit}`, signal);
    morphChildren(place, [
      h("ol", { class: "versions", "data-key": "list" }, list.versions.map((version, index) => one(version, id, index === 0))),
      list.total > list.versions.length && h("p", { class: "pages", "data-key": "more" },
        `${number(list.versions.length)} of ${number(list.total)}`, limit < MOST && h("a", { href: `?limit=${Math.min(MOST, limit + 40)}` }, "Show more")),
    ]);
  };
}

function one(version, id, newest) {
  return h("li", { class: "card", "data-key": version.build },
    h("div", { class: "heading" },
      h("h2", {}, h("a", { href: `${dagLink(id, "source")}?version=${part(version.build)}` }, h("code", {}, version.build.slice(0, 12)))),
      newest && h("span", { class: "state" }, "in force"),
      h("span", { class: "quiet" }, moment(version.at), ` · ppc ${version.compiler}`)),
    version.first ? h("p", { class: "quiet" }, "The first version that this database has seen.") : h("ul", { class: "changes" }, changes(version)));
}

function changes({ added, removed, changed, settings }) {
  const names = (list) => list.map((name, index) => [index ? ", " : "", h("code", {}, name)]);
  const found = [
    added.length > 0 && h("li", { class: "plus" }, "new: ", names(added)),
    removed.length > 0 && h("li", { class: "minus" }, "gone: ", names(removed)),
    ...changed.map(({ task, what }) => h("li", { class: "other" }, h("code", {}, task), `: ${what.join(", ")}`)),
    settings.length > 0 && h("li", { class: "other" }, "the dag: ", settings.join(", ")),
  ].filter(Boolean);
  return found.length ? found : [h("li", { class: "quiet" }, "Nothing that is told of tasks or settings.")];
}
