// What the dag is made of: its `.ppd` file and the Python of each task, as they were when a version was built.

import { get, part, search } from "./api.js";
import { h, morphChildren } from "./dom.js";
import { callable } from "./format.js";
import { code } from "./highlight.js";
import { dagLink } from "./parts.js";

export function open(place, { id, signal, query }) {
  let shown = null; // the version that is on the page, and all that was read of it
  let wanted = null;
  addEventListener("ppacer:query", () => { if (shown) draw(); }, { signal });
  const draw = () => {
    const picked = query().get("task");
    morphChildren(place, view(shown, id, picked, query().get("version")));
    if (picked) place.querySelector(".files [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  return async () => {
    const build = query().get("version") ?? (await get(`/dags/${part(id)}/versions?limit=1`, signal)).versions[0]?.build;
    if (!build) return morphChildren(place, [h("p", { class: "empty" }, "No version of this dag is kept.")]);
    if (build !== wanted) {
      shown = await get(`/dags/${part(id)}/versions/${part(build)}`, signal);
      wanted = build;
      draw();
    }
    return undefined;
  };
}

function view({ version, tasks, source }, id, picked, asked) {
  const task = tasks.find((each) => each.id === picked) ?? null;
  const link = (name) => search({ task: name, version: asked }) || "?";
  const file = source && h("a", { href: link(null), "aria-current": task ? null : "true", "data-key": "file" }, h("code", {}, source.path.split("/").at(-1)), h("span", { class: "quiet" }, "the dag itself"));
  return [
    asked && h("p", { class: "notice", "data-key": "asked" }, "Version ", h("code", {}, version.build.slice(0, 12)), ". ", h("a", { href: dagLink(id, "source") }, "Show the one in force")),
    h("div", { class: "source", "data-key": "source" },
      h("nav", { class: "files card flush", "aria-label": "Sources" }, file, tasks.map((each) =>
        h("a", { href: link(each.id), "aria-current": each === task ? "true" : null, "data-key": each.id }, each.id, h("code", { class: "quiet" }, callable(each.callable))))),
      h("div", { class: "card flush text", "data-key": task ? `task ${task.id}` : "ppd" }, task ? ofTask(task) : ofDag(source))),
  ];
}

const headline = (title, path, text) => h("div", { class: "file" }, h("h2", {}, title), h("span", { class: "quiet" }, path), h("button", { type: "button", class: "plain", "data-do": "copy", "data-text": text, title: "Copy the text" }, "Copy"));

function ofDag(source) {
  if (!source) return h("p", { class: "empty padded" }, "The .ppd file is not kept with this version.");
  return [headline("The dag", source.path, source.text), code(source.text, "ppd", source.line)];
}

function ofTask({ id, callable: called, at, code: python }) {
  if (!python) return [h("div", { class: "file" }, h("h2", {}, id), h("span", { class: "quiet" }, at)), h("p", { class: "empty padded" }, h("code", {}, called), " is no code of this project: it comes with ppacer or with a package.")];
  return [headline(id, `${python.path}:${python.line}, called at ${at}`, python.text), code(python.text, "python", python.line)];
}
