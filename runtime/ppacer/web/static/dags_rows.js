// The rows of the list of dags. However long the list, what is made and laid out is what is near to what is seen.
//
// Every dag has its row from the beginning, so that keys, links, searches of the browser and screen readers find it. But
// a row that is far off holds the name alone, and rows far off are left out of the layout, some together.

import { h, morph, style } from "./dom.js";
import { shortTime } from "./format.js";
import { dagLink, next, none, schedule, squares } from "./parts.js";
import { search } from "./api.js";

const TOGETHER = 10; // rows that are laid out, or left out, together
const LOWEST = 48; // pixels of a row at least
const AHEAD = "100%"; // how far from what is seen rows are made whole, as a share of that

export class Rows {
  #table;
  #operator;
  #known = new Map(); // by the dag's name: {dag, element, whole}
  #groups = []; // {body, rows, near}
  #order = [];
  #watch;

  // `table` gets the rows; until the signal aborts.
  constructor(table, operator, signal) {
    this.#table = table;
    this.#operator = operator;
    this.#watch = new IntersectionObserver((seen) => this.#move(seen), { rootMargin: `${AHEAD} 0px` });
    signal.addEventListener("abort", () => this.#watch.disconnect(), { once: true });
    addEventListener("beforeprint", () => { for (const each of this.#order) this.#complete(each); }, { signal });
  }

  // Shows these dags in this order. What stays the same is not touched.
  show(dags) {
    const focused = document.activeElement;
    this.#order = dags.map((dag) => this.#row(dag));
    const needed = Math.ceil(dags.length / TOGETHER);
    for (const { body } of this.#groups.splice(needed)) {
      this.#watch.unobserve(body);
      body.remove();
    }
    const onScreen = Math.ceil(innerHeight / LOWEST / TOGETHER);
    for (let index = 0; index < needed; index += 1) {
      const group = (this.#groups[index] ??= this.#group());
      arrange(group, this.#order.slice(index * TOGETHER, (index + 1) * TOGETHER));
      if (group.near || index < onScreen) for (const each of group.rows) this.#complete(each);
    }
    if (focused !== document.activeElement && this.#table.contains(focused)) focused.focus({ preventScroll: true }); // its row was put elsewhere
  }

  #row(dag) {
    let known = this.#known.get(dag.id);
    if (!known) {
      known = { dag, element: bare(dag), whole: false };
      this.#known.set(dag.id, known);
    } else if (known.dag !== dag) {
      known.dag = dag;
      if (known.whole) morph(known.element, whole(dag, this.#operator));
    }
    return known;
  }

  #group() {
    const body = h("tbody", { role: "rowgroup" });
    this.#table.append(body);
    this.#watch.observe(body);
    return { body, rows: [], near: false };
  }

  #move(seen) {
    for (const { target, isIntersecting } of seen) {
      const group = this.#groups.find(({ body }) => body === target);
      if (!group) continue;
      group.near = isIntersecting;
      if (isIntersecting) for (const each of group.rows) this.#complete(each);
    }
  }

  #complete(row) {
    if (row.whole) return;
    row.whole = true;
    morph(row.element, whole(row.dag, this.#operator));
  }
}

// Has a group hold these rows, and leaves alone those that are in their place.
function arrange(group, rows) {
  if (rows.length === group.rows.length && rows.every((row, index) => row === group.rows[index])) return;
  group.rows = rows;
  const kept = new Set(rows.map((row) => row.element));
  for (const element of [...group.body.children]) if (!kept.has(element)) element.remove();
  let place = group.body.firstChild;
  for (const { element } of rows) {
    if (element === place) place = place.nextSibling;
    else group.body.insertBefore(element, place);
  }
  style(group.body, { "--rows": rows.length });
}

const cell = (name, ...children) => h("td", { role: "cell", class: name }, children);
const nameOf = (dag) => h("a", { href: dagLink(dag.id), class: "row" }, dag.id);

const bare = (dag) => h("tr", { role: "row", "data-key": dag.id, class: "bare" }, cell("c-name", nameOf(dag)));

function whole(dag, operator) {
  return h("tr", { role: "row", "data-key": dag.id, class: dag.paused ? "off" : null },
    cell("c-name",
      nameOf(dag),
      dag.tags.map((tag) => h("a", { class: "tag", href: search({ tag }) }, tag)),
      dag.silenced_until && h("span", { class: "state" }, "silenced until ", shortTime(dag.silenced_until)),
      dag.doc && h("span", { class: "doc" }, dag.doc.trim().split("\n")[0])),
    cell("c-tiles", dag.last_runs.length ? squares(dag.last_runs) : none("no run yet"), dag.queued_runs > 0 && h("span", { class: "state" }, `${dag.queued_runs} queued`)),
    cell("c-next", next(dag)),
    cell("c-schedule", schedule(dag)),
    cell("c-do", operator && [
      h("button", { type: "button", "data-do": "run", "data-dag": dag.id, "aria-label": `Run ${dag.id}` }, "Run"),
      dag.schedules.length > 0 && h("button", { type: "button", class: "plain", "data-do": dag.paused ? "resume" : "pause", "data-dag": dag.id, "aria-label": `${dag.paused ? "Resume" : "Pause"} ${dag.id}` }, dag.paused ? "Resume" : "Pause")]));
}
