// The picture of a dag: tasks where the build has put them, zoomed and moved by mouse, touch and keys.
//
// However big the dag, the document holds only what can be seen of it. From afar all tasks of a status are one path;
// near by, those in sight are elements of their own. A change of status touches what stands for that task, once a frame.

import { h, svg } from "./dom.js";
import { plural, words } from "./format.js";
import { arrow, block, BOX, layOut, line, reached, straight } from "./graph_layout.js";
import { MARGIN, Viewport } from "./graph_viewport.js";
import { sign } from "./marks.js";

const MANY_EDGES = 900; // more of them in sight are drawn only where they begin or end at a task in sight
const DENSE = 350; // more edges in sight are drawn faintly
const AROUND = 0.2; // how much is drawn beyond each side of what is seen, as a share of that
const STEP = 1.25;

export class Graph {
  element = h("div", { class: "graph", "data-keep": true });
  #layout;
  #order;
  #pick;
  #states = new Map();
  #far = new Map();
  #near = new Map();
  #view;
  #picked = null;
  #focused = null;
  #found = new Set();
  #wanted = null;
  #frame = 0;
  #stale = { far: new Set(), scene: true };
  #drawn = null;
  #picture; #world; #edges; #arrows; #traced; #heads; #farLayer; #nearLayer; #map; #window; #tip; #find; #figure;

  // `tasks`: {id, parents, x, y, below, kind} in topological order, where `below` stands under a name and `kind` is
  // task, family or handler. `pick(id)` is called when somebody picks a task; `label` says what the picture shows;
  // `list` is the address of the same as a list.
  constructor({ tasks, pick, label, list = null }) {
    this.#layout = layOut(tasks);
    this.#order = tasks.map((task) => task.id);
    this.#pick = pick;
    this.#view = new Viewport(this.#layout, () => this.#ask());
    this.#build(label, list);
    this.#stale.far.add("none");
    for (const id of this.#order) this.#states.set(id, { status: "none", below: this.#layout.boxes.get(id).below });
    new ResizeObserver(() => this.#resized()).observe(this.#figure);
    this.#listen();
  }

  // What there is to say of tasks: a map from ids to {status, below}. Tasks that it lacks stay as they are.
  show(states) {
    for (const [id, state] of states) {
      const old = this.#states.get(id);
      if (!old || (old.status === state.status && old.below === (state.below ?? old.below))) continue;
      if (old.status !== state.status) this.#stale.far.add(old.status).add(state.status);
      this.#states.set(id, { status: state.status, below: state.below ?? old.below });
      const node = this.#near.get(id);
      if (node) dress(node, this.#layout.boxes.get(id), this.#states.get(id));
    }
    this.#ask();
  }

  // Marks a task, what leads to it and what follows it.
  select(id) {
    if (id === this.#picked) return;
    this.#picked = this.#layout.boxes.has(id) ? id : null;
    this.#stale.scene = true;
    if (this.#picked) {
      this.#focused = this.#picked;
      if (this.#view.width) this.#reveal(this.#picked);
      else this.#wanted = this.#picked;
    }
    this.#ask();
  }

  // --- what it is made of ---

  #build(label, list) {
    const { width, height, boxes } = this.#layout;
    this.#edges = svg("path", { class: "edge" });
    this.#arrows = svg("path", { class: "arrow" });
    this.#traced = svg("path", { class: "traced" });
    this.#heads = svg("path", { class: "heads" });
    this.#farLayer = svg("g", { class: "far" });
    this.#nearLayer = svg("g");
    this.#world = svg("g", {}, this.#edges, this.#arrows, this.#traced, this.#heads, this.#farLayer, this.#nearLayer);
    this.#picture = svg("svg", { class: "picture", role: "application", "aria-roledescription": "graph", "aria-label": `${label}, ${plural(boxes.size, "task")}. Arrow keys follow the edges, Enter picks.`, tabindex: boxes.size ? null : "0" }, this.#world);
    this.#window = svg("rect", { class: "window" });
    this.#map = svg("svg", { class: "map", "aria-hidden": "true", viewBox: `${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}` }, svg("g", { class: "far" }), this.#window);
    this.#tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.#find = h("input", { type: "search", placeholder: "Find a task", "aria-label": "Find a task in the graph", size: 14 });
    const button = (text, name, act) => {
      const made = h("button", { type: "button", "aria-label": name, title: name }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.#figure = h("div", { class: "figure" }, this.#picture, this.#map, this.#tip);
    this.#figure.style.setProperty("--high", `${height + 2 * MARGIN}px`);
    this.element.append(
      h("div", { class: "graph-tools" },
        this.#find,
        h("span", { class: "zoom", role: "group", "aria-label": "Zoom" },
          button("−", "Zoom out", () => this.#view.zoom(1 / STEP)), button("+", "Zoom in", () => this.#view.zoom(STEP)), button("Fit", "Show all of it", () => this.#view.fit())),
        this.element.requestFullscreen && button("Full screen", "Full screen", () => (document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen())),
        list && h("a", { href: list, class: "as-list" }, "As a list")),
      this.#figure);
  }

  #listen() {
    const pointers = new Map();
    const picture = this.#picture;
    let moved = 0;
    let spread = 0;
    const at = (event) => {
      const frame = picture.getBoundingClientRect();
      return { x: event.clientX - frame.left, y: event.clientY - frame.top };
    };
    picture.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pointers.set(event.pointerId, at(event));
      moved = 0;
      spread = 0;
    });
    picture.addEventListener("pointermove", (event) => {
      const here = at(event);
      const before = pointers.get(event.pointerId);
      if (!before) return this.#hover(here);
      pointers.set(event.pointerId, here);
      moved += Math.hypot(here.x - before.x, here.y - before.y);
      if (moved < 4) return;
      if (!picture.hasPointerCapture(event.pointerId)) picture.setPointerCapture(event.pointerId);
      const share = pointers.size;
      this.#view.move((here.x - before.x) / share, (here.y - before.y) / share);
      if (share === 2) {
        const [one, other] = pointers.values();
        const now = Math.hypot(one.x - other.x, one.y - other.y);
        if (spread) this.#view.zoom(now / spread, { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
        spread = now;
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      picture.addEventListener(end, (event) => {
        if (!pointers.delete(event.pointerId) || end === "pointercancel" || moved >= 4) return;
        const box = this.#view.boxAt(at(event));
        if (box) this.#choose(box.task.id);
      });
    }
    picture.addEventListener("pointerleave", () => { this.#tip.hidden = true; });
    // A wheel alone goes on scrolling the page; a pinch on a touchpad comes as a wheel with Ctrl.
    picture.addEventListener("wheel", (event) => {
      const whole = document.fullscreenElement === this.element;
      if (!event.ctrlKey && !event.metaKey && !whole) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) this.#view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.004)), at(event));
      else this.#view.move(-event.deltaX, -event.deltaY);
    }, { passive: false });
    this.#map.addEventListener("pointerdown", (event) => { this.#map.setPointerCapture(event.pointerId); this.#travel(event); });
    this.#map.addEventListener("pointermove", (event) => { if (this.#map.hasPointerCapture(event.pointerId)) this.#travel(event); });
    picture.addEventListener("keydown", (event) => this.#key(event));
    picture.addEventListener("focusin", (event) => {
      const id = event.target.dataset?.task;
      if (id && id !== this.#focused) { this.#focused = id; this.#tabStops(); }
    });
    this.#find.addEventListener("input", () => this.#search());
    this.#find.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#next(event.shiftKey ? -1 : 1);
    });
  }

  // --- moving about ---

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.#figure;
    if (!width || (width === this.#view.width && height === this.#view.height)) return;
    const wide = this.#layout.width + 2 * MARGIN, high = this.#layout.height + 2 * MARGIN;
    const part = Math.min((width * 0.3) / wide, (height * 0.28) / high);
    this.#map.style.inlineSize = `${Math.min(220, Math.max(24, part * wide))}px`;
    this.#map.style.blockSize = `${Math.min(160, Math.max(24, part * high))}px`;
    this.#stale.scene = true;
    this.#view.resize(width, height);
    if (this.#wanted) this.#reveal(this.#wanted);
    this.#wanted = null;
    this.#draw(); // in this frame, whose layout has told how much room there is
  }

  #reveal(id) {
    this.#view.reveal(this.#layout.boxes.get(id));
  }

  // To where somebody points in the small picture of all of it.
  #travel(event) {
    const frame = this.#map.getBoundingClientRect();
    const { width, height } = this.#layout;
    const scale = Math.min(frame.width / (width + 2 * MARGIN), frame.height / (height + 2 * MARGIN));
    this.#view.center((event.clientX - frame.left - frame.width / 2) / scale + width / 2, (event.clientY - frame.top - frame.height / 2) / scale + height / 2);
  }

  // From afar a task's name is told beside the pointer.
  #hover(at) {
    const box = this.#view.far ? this.#view.boxAt(at) : null;
    this.#tip.hidden = !box;
    this.#picture.classList.toggle("over", Boolean(this.#view.boxAt(at)));
    if (!box) return;
    const { status } = this.#states.get(box.task.id);
    this.#tip.textContent = status === "none" ? box.task.id : `${box.task.id}: ${words(status)}`;
    this.#tip.style.insetInlineStart = `${Math.min(at.x + 12, this.#view.width - this.#tip.offsetWidth - 8)}px`;
    this.#tip.style.insetBlockStart = `${Math.min(at.y + 14, this.#view.height - 34)}px`;
  }

  // --- keys and finding ---

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const id = event.target.dataset?.task ?? this.#focused ?? this.#order[0];
    if (event.key === "Enter" || event.key === " ") this.#choose(id);
    else if (event.key === "+" || event.key === "=") this.#view.zoom(STEP);
    else if (event.key === "-") this.#view.zoom(1 / STEP);
    else if (event.key === "0") this.#view.fit();
    else {
      const next = this.#neighbour(id, event.key);
      if (next === undefined) return;
      if (next) this.#focus(next);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // Where an arrow key leads: along an edge to the nearest task before or after, or within the column. `undefined` for
  // other keys.
  #neighbour(id, key) {
    const { boxes, columns, children } = this.#layout;
    const box = boxes.get(id);
    const nearest = (ids) => ids.filter((each) => boxes.has(each)).sort((one, other) => distance(one) - distance(other))[0] ?? null;
    const distance = (each) => Math.abs(boxes.get(each).y - box.y) + Math.abs(boxes.get(each).x - box.x) / 4;
    if (key === "ArrowRight") return nearest(children.get(id));
    if (key === "ArrowLeft") return nearest(box.task.parents);
    if (key === "ArrowUp") return columns[box.column].tasks[box.row - 1]?.id ?? null;
    if (key === "ArrowDown") return columns[box.column].tasks[box.row + 1]?.id ?? null;
    if (key === "Home") return this.#order[0];
    if (key === "End") return this.#order.at(-1);
    return undefined;
  }

  #focus(id) {
    this.#focused = id;
    this.#reveal(id);
    this.#stale.scene = true;
    this.#draw();
    this.#near.get(id).focus({ preventScroll: true });
  }

  #choose(id) {
    this.#focused = id;
    this.#pick(id);
  }

  #search() {
    const text = this.#find.value.trim().toLowerCase();
    this.#found = new Set(text ? this.#order.filter((id) => id.toLowerCase().includes(text)) : []);
    this.#find.classList.toggle("without", Boolean(text) && !this.#found.size);
    this.#stale.scene = true;
    this.#wanted = null;
    if (this.#found.size) this.#next(1);
    this.#ask();
  }

  #next(step) {
    const found = [...this.#found];
    if (!found.length) return;
    const here = found.indexOf(this.#focused);
    this.#focused = found[here < 0 ? 0 : (here + step + found.length) % found.length];
    this.#stale.scene = true;
    this.#reveal(this.#focused);
  }

  // --- drawing ---

  #ask() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#view.width) return;
    const { seen, far } = this.#view;
    this.#world.setAttribute("transform", this.#view.transform);
    this.element.classList.toggle("afar", far);
    const first = !this.#drawn && !far;
    if (this.#stale.scene || this.#left(seen)) this.#drawScene(seen);
    if (first) this.#ask(); // the small picture of all of it may come a frame later
    else this.#drawFar();
    this.#window.setAttribute("x", seen.left);
    this.#window.setAttribute("y", seen.top);
    this.#window.setAttribute("width", seen.right - seen.left);
    this.#window.setAttribute("height", seen.bottom - seen.top);
    this.#map.classList.toggle("needless", this.#view.all);
  }

  // Whether the view has left what was drawn around it, or the scale the way of drawing.
  #left(seen) {
    const drawn = this.#drawn;
    return !drawn || this.#view.far !== drawn.far || seen.left < drawn.left || seen.top < drawn.top || seen.right > drawn.right || seen.bottom > drawn.bottom || this.#view.scale > drawn.scale * 2.5;
  }

  #drawFar() {
    if (!this.#stale.far.size) return;
    const paths = new Map([...this.#stale.far].map((status) => [status, []]));
    for (const [id, { status }] of this.#states) paths.get(status)?.push(block(this.#layout.boxes.get(id)));
    for (const [status, blocks] of paths) {
      if (!this.#far.has(status)) {
        this.#far.set(status, [this.#farLayer, this.#map.firstChild].map((layer) => layer.appendChild(svg("path", { class: `block ${status}` }))));
      }
      const text = blocks.join("");
      for (const path of this.#far.get(status)) path.setAttribute("d", text);
    }
    this.#stale.far.clear();
  }

  // Elements for what is in sight and around it.
  #drawScene(seen) {
    const across = (seen.right - seen.left) * AROUND, down = (seen.bottom - seen.top) * AROUND;
    const drawn = { left: seen.left - across, top: seen.top - down, right: seen.right + across, bottom: seen.bottom + down, scale: this.#view.scale, far: this.#view.far };
    this.#drawn = drawn;
    this.#stale.scene = false;
    const inside = (box) => box.x < drawn.right && box.x + box.width > drawn.left && box.y < drawn.bottom && box.y + BOX > drawn.top;
    const wanted = new Set(drawn.far ? [] : this.#order.filter((id) => inside(this.#layout.boxes.get(id))));
    for (const id of [this.#focused ?? this.#order[0], this.#picked, ...(this.#found.size < 50 ? this.#found : [])]) if (id) wanted.add(id);
    for (const [id, node] of this.#near) {
      if (wanted.has(id)) continue;
      node.remove();
      this.#near.delete(id);
    }
    let after = null; // from the last to the first, so that each new one has its place among those that stay
    for (let index = this.#order.length - 1; index >= 0; index -= 1) {
      const id = this.#order[index];
      if (!wanted.has(id)) continue;
      if (!this.#near.has(id)) this.#near.set(id, this.#nearLayer.insertBefore(this.#node(id), after));
      after = this.#near.get(id);
    }
    this.#tabStops();
    this.#drawEdges(drawn, wanted);
  }

  #drawEdges(drawn, wanted) {
    const { edges, columns, children, boxes } = this.#layout;
    let shown = edges;
    if (!drawn.far) {
      shown = edges.filter(({ from, to }) => from.x < drawn.right && to.x > drawn.left && Math.min(from.y, to.y) < drawn.bottom && Math.max(from.y, to.y) + BOX > drawn.top);
      if (shown.length > MANY_EDGES) shown = shown.filter(({ from, to }) => wanted.has(from.task.id) || wanted.has(to.task.id));
    }
    const draw = drawn.far || shown.length > MANY_EDGES ? straight : (edge) => line(edge, columns);
    this.#edges.setAttribute("d", shown.map(draw).join(""));
    this.#arrows.setAttribute("d", drawn.far ? "" : shown.map(arrow).join(""));
    this.element.classList.toggle("dense", shown.length > DENSE);
    let traced = [];
    const before = this.#picked ? reached(this.#picked, (id) => boxes.get(id)?.task.parents ?? []) : new Set();
    const after = this.#picked ? reached(this.#picked, (id) => children.get(id)) : new Set();
    if (this.#picked) {
      const on = (set, id) => set.has(id) || id === this.#picked;
      traced = edges.filter(({ from, to }) => (before.has(from.task.id) && on(before, to.task.id)) || (after.has(to.task.id) && on(after, from.task.id)));
    }
    this.#traced.setAttribute("d", traced.map(traced.length > MANY_EDGES ? straight : (edge) => line(edge, columns)).join(""));
    this.#heads.setAttribute("d", drawn.far ? "" : traced.map(arrow).join(""));
    this.element.classList.toggle("tracing", Boolean(this.#picked));
    for (const [id, node] of this.#near) {
      node.classList.toggle("picked", id === this.#picked);
      node.classList.toggle("related", before.has(id) || after.has(id));
      node.classList.toggle("found", this.#found.has(id));
    }
  }

  #node(id) {
    const box = this.#layout.boxes.get(id);
    const { task, width } = box;
    const dot = box.name.includes("[") ? -1 : box.name.lastIndexOf(".");
    const node = svg("g", { role: "button", tabindex: "-1", transform: `translate(${box.x} ${box.y})`, "data-task": id },
      task.kind === "family" && svg("rect", { class: "box", x: 5, y: 5, width, height: BOX, rx: 8 }),
      svg("rect", { class: "box", width, height: BOX, rx: 8 }),
      svg("g", { transform: "translate(11 15)" }),
      svg("text", { class: "name", x: 36, y: 20 }),
      svg("text", { class: "below", x: 36, y: 36 }));
    const name = node.querySelector(".name");
    if (dot >= 0) name.append(svg("tspan", { class: "group" }, box.name.slice(0, dot + 1)));
    name.append(box.name.slice(dot + 1));
    dress(node, box, this.#states.get(id));
    return node;
  }

  #tabStops() {
    const stop = this.#focused ?? this.#order[0];
    for (const [id, node] of this.#near) {
      const value = id === stop ? "0" : "-1";
      if (node.getAttribute("tabindex") !== value) node.setAttribute("tabindex", value);
    }
  }
}

function dress(node, { task, name, width }, { status, below }) {
  node.setAttribute("class", `node ${task.kind} ${status}`.concat(["picked", "related", "found"].filter((each) => node.classList.contains(each)).map((each) => ` ${each}`).join("")));
  const said = [task.id, task.kind === "task" ? "" : task.kind, status === "none" ? "" : words(status), below, task.parents.length ? `after ${task.parents.length > 5 ? plural(task.parents.length, "task") : task.parents.join(", ")}` : ""];
  node.setAttribute("aria-label", said.filter(Boolean).join(", "));
  const [place, text] = [node.querySelector("g"), node.querySelector(".below")];
  if (place.dataset.status !== status) {
    place.dataset.status = status;
    place.replaceChildren(status === "none" ? svg("rect", { class: "bar", x: 0, y: -6, width: 4, height: BOX - 18, rx: 2 }) : sign(status));
  }
  const room = Math.floor((width - 42) / 6.7);
  const shown = below.length > room ? `${below.slice(0, room - 1)}…` : below;
  if (text.textContent !== shown) text.textContent = shown;
  if (name !== task.id && !node.querySelector("title")) node.prepend(svg("title", {}, task.id));
}
