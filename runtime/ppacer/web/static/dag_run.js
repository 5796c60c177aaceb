// A form made from a dag's parameters: each has the field that fits its type, and the default in it.

import { Refused } from "./api.js";
import { h } from "./dom.js";
import { notation, plural } from "./format.js";
import { runLink } from "./parts.js";
import { newKey, trigger } from "./trigger.js";

export function open(place, { id, go, operator }) {
  let made = null;
  return (detail) => {
    const key = JSON.stringify([detail.params, detail.tasks.length, detail.dag.timezone]);
    if (key === made) return; // what was typed stays
    made = key;
    place.replaceChildren(operator ? form(detail, id, go) : h("p", { class: "empty" }, "Your role may look, not ask for runs."));
    // Whoever came for the form goes on in it; where a field brings a keyboard onto the screen, it waits for a touch.
    if (matchMedia("(pointer: fine)").matches && [document.body, place.parentElement].includes(document.activeElement)) place.querySelector("input, select, textarea")?.focus();
  };
}

function form({ dag, tasks, params }, id, go) {
  const fields = params.map((param) => field(param, dag));
  const at = { name: "scheduled_at", input: h("input", { type: "datetime-local", step: 1, name: "scheduled_at", id: "f-scheduled_at" }) };
  const general = h("p", { class: "fault", role: "alert", hidden: true });
  const own = tasks.filter((task) => task.handler === "none").length;
  const button = h("button", { type: "submit", class: "strong" }, "Run now");
  const element = h("form", { class: "card params", novalidate: true },
    h("div", { class: "heading" }, h("h2", {}, params.length ? "Parameters of the run" : "A run without parameters")),
    fields.map(({ row }) => row),
    labelled(at, "logical time", `in ${dag.timezone}; left empty, the time of the request`),
    general,
    h("div", { class: "buttons" }, button, h("span", { class: "quiet" }, `Makes one run with ${plural(own, "task")}.${dag.active_runs ? ` ${plural(dag.active_runs, "run")} of the dag ${dag.active_runs === 1 ? "is" : "are"} under way.` : ""}`)));

  let sent = null; // the request that was sent last and its key: the same one sent again makes no second run
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const all = [...fields, at];
    for (const each of all) blame(each, null);
    general.hidden = true;
    const given = {};
    let wrong = null;
    for (const each of fields) {
      try {
        const value = each.read();
        if (value !== undefined) given[each.name] = value;
      } catch (error) {
        blame(each, error.message);
        wrong ??= each;
      }
    }
    if (wrong) return wrong.input.focus();
    button.disabled = true;
    try {
      const body = { params: given, scheduled_at: at.input.value || null };
      const text = JSON.stringify(body);
      if (sent?.text !== text) sent = { text, key: newKey() };
      const run = await trigger(id, body, sent.key);
      go(runLink(run));
    } catch (error) {
      const named = error instanceof Refused ? all.find((each) => error.field === each.name || error.field?.match(/^params\.(\w+)/)?.[1] === each.name) : null;
      if (named) { blame(named, error.message); named.input.focus(); }
      else { general.textContent = error.message; general.hidden = false; }
    } finally {
      button.disabled = false;
    }
    return undefined;
  });
  return element;
}

function labelled(each, label, note, wide = false) {
  each.input.id = `f-${each.name}`;
  each.row = h("div", { class: `param${wide ? " wide" : ""}` },
    h("label", { for: each.input.id }, label),
    each.box ?? each.input,
    note && h("span", { class: "quiet note", id: `n-${each.name}` }, note),
    h("span", { class: "fault", id: `b-${each.name}`, hidden: true }));
  if (note) each.input.setAttribute("aria-describedby", `n-${each.name}`);
  return each.row;
}

function blame({ name, row, input }, text) {
  const place = row.querySelector(".fault");
  place.textContent = text ?? "";
  place.hidden = !text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  const notes = [row.querySelector(".note")?.id, text && `b-${name}`].filter(Boolean).join(" ");
  if (notes) input.setAttribute("aria-describedby", notes);
}

// The field of one parameter. `read` gives its value as JSON, or undefined for what the program is to work out.
function field(param, dag) {
  const optional = param.type.endsWith("?");
  const type = optional ? param.type.slice(0, -1) : param.type;
  const kind = type.match(/^\w+/)[0];
  const constant = !param.required && param.default !== null;
  const shown = constant ? text(param.default, kind) : "";
  const made = (KINDS[kind] ?? KINDS.json)({ param, type, shown, optional, constant });
  const each = { name: param.name, ...made };
  const empty = optional ? "empty is none" : !param.required && !constant ? "empty: worked out when the run is made" : null;
  labelled(each, param.name, [param.type, kind === "datetime" ? dag.timezone : null, empty, param.doc?.trim()].filter(Boolean).join(" · "), made.wide);
  if (param.required && !optional) each.input.required = true;
  const read = made.read;
  each.read = () => {
    const typed = each.input.value;
    if (kind !== "bool" && kind !== "str" && typed.trim() === "" || kind === "str" && typed === "" && (optional || (!param.required && !constant))) {
      if (optional) return null;
      if (param.required) throw new Error("A value is needed.");
      if (!constant) return undefined;
    }
    return read(each.input);
  };
  return each;
}

// A default as it is typed.
function text(value, kind) {
  if (kind === "duration") return notation((typeof value === "object" ? value.v : value) / 1e6);
  if (value !== null && typeof value === "object" && value.$) return kind === "datetime" ? String(value.v).slice(0, 19) : String(value.v);
  return typeof value === "string" ? value : kind === "bool" ? String(value) : JSON.stringify(untagged(value));
}

// Dates and the like within lists, as people write them.
function untagged(value) {
  if (Array.isArray(value)) return value.map(untagged);
  if (value === null || typeof value !== "object") return value;
  if (value.$) return value.$ === "duration" ? notation(value.v / 1e6) : value.v;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, untagged(each)]));
}

const line = (attributes, shown) => h("input", { type: "text", autocomplete: "off", spellcheck: "false", value: shown, ...attributes });
const number = (pattern, what) => (input) => {
  const typed = input.value.trim();
  if (!pattern.test(typed)) throw new Error(`Expected ${what}.`);
  const value = Number(typed);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) throw new Error("A browser cannot send this number exactly; the command `trigger` can.");
  return value;
};
function json(input) {
  try {
    return JSON.parse(input.value);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
}
const area = (shown) => ({ input: h("textarea", { rows: Math.min(8, Math.max(2, shown.split("\n").length)), spellcheck: "false", class: "mono" }, shown), read: json, wide: true });

const KINDS = {
  str: ({ shown }) => ({ input: line({ type: "text" }, shown), read: (input) => input.value, wide: true }),
  int: ({ shown }) => ({ input: line({ inputmode: "numeric" }, shown), read: number(/^[+-]?\d+$/, "a whole number") }),
  float: ({ shown }) => ({ input: line({ inputmode: "decimal" }, shown), read: number(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, "a number") }),
  bool: ({ shown, param, optional }) => options([...(optional ? [["", "none"]] : param.required ? [["", "choose"]] : []), ["true", "true"], ["false", "false"]], shown, (value) => {
    if (value === "" && !optional) throw new Error("A value is needed.");
    return value === "" ? null : value === "true";
  }),
  date: ({ shown }) => ({ input: h("input", { type: "date", value: shown }), read: (input) => input.value }),
  datetime: ({ shown }) => ({ input: h("input", { type: "datetime-local", step: 1, value: shown }), read: (input) => input.value }),
  duration: ({ shown }) => ({ input: line({ placeholder: "1h30m" }, shown), read: (input) => input.value.trim() }),
  choice: ({ shown, type, param, optional, constant }) => options(
    [...(optional ? [["", "none"]] : constant ? [] : [["", param.required ? "choose" : "worked out"]]), ...JSON.parse(`[${type.slice("choice(".length, -1)}]`).map((value) => [value, value])], shown, (value) => value),
  list: ({ shown }) => area(shown),
  json: ({ shown }) => area(shown),
};

function options(values, shown, read) {
  const input = h("select", {}, values.map(([value, label]) => h("option", { value, selected: value === shown }, label)));
  return { input, read: (each) => read(each.value) };
}
