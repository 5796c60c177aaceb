// Which part of a picture is seen, and at which scale: a window onto a layout, moved and zoomed within bounds.

import { BOX, boxAt } from "./graph_layout.js";

export const FAR = 0.55; // below this scale names cannot be read
export const MARGIN = 24;
const CLOSEST = 2;
const READABLE = 0.8;
const ALL = 0.6; // a picture that fits at this scale is shown as a whole at first; above FAR
const KEPT = 80; // pixels of the picture that always stay in sight

export class Viewport {
  width = 0;
  height = 0;
  #x = 0;
  #y = 0;
  #scale = 1;
  #touched = false; // by a person: from then on it stays as it is when its room changes
  #layout;
  #changed;

  // `changed` is called after each change.
  constructor(layout, changed) {
    this.#layout = layout;
    this.#changed = changed;
  }

  get scale() { return this.#scale; }
  get far() { return this.#scale < FAR; }
  get transform() { return `translate(${this.#x} ${this.#y}) scale(${this.#scale})`; }

  // What is seen, in the layout's pixels.
  get seen() {
    return { left: -this.#x / this.#scale, top: -this.#y / this.#scale, right: (this.width - this.#x) / this.#scale, bottom: (this.height - this.#y) / this.#scale };
  }

  get all() {
    const { left, top, right, bottom } = this.seen;
    return left <= 0 && top <= 0 && right >= this.#layout.width && bottom >= this.#layout.height;
  }

  // The room there is for it. At first it shows all of it where that can be read, else its beginning.
  resize(width, height) {
    const first = !this.width;
    this.width = width;
    this.height = height;
    if (first || !this.#touched) this.#begin();
    this.#changed();
  }

  fit() {
    this.#touched = true;
    this.#whole();
    this.#changed();
  }

  // `at` is a point of the window that stays where it is, its middle by default.
  zoom(factor, at = { x: this.width / 2, y: this.height / 2 }) {
    const wanted = Math.min(CLOSEST, Math.max(this.#least(), this.#scale * factor));
    const by = wanted / this.#scale;
    this.#go(at.x - (at.x - this.#x) * by, at.y - (at.y - this.#y) * by, wanted);
  }

  move(x, y) {
    this.#go(this.#x + x, this.#y + y, this.#scale);
  }

  center(x, y, scale = this.#scale) {
    this.#go(this.width / 2 - x * scale, this.height / 2 - y * scale, scale);
  }

  // Brings a box into sight, at a scale at which it can be read; moves nothing if that is so already.
  reveal({ x, y, width }) {
    const left = x * this.#scale + this.#x, top = y * this.#scale + this.#y;
    const inside = left >= 8 && top >= 8 && left + width * this.#scale <= this.width - 8 && top + BOX * this.#scale <= this.height - 8;
    if (!inside || this.far) this.center(x + width / 2, y + BOX / 2, Math.max(this.#scale, READABLE));
  }

  // The box under a point of the window, if there is one.
  boxAt({ x, y }) {
    return boxAt(this.#layout, (x - this.#x) / this.#scale, (y - this.#y) / this.#scale);
  }

  #go(x, y, scale) {
    const keep = (place, length, room) => {
      const kept = Math.min(KEPT, room / 3);
      return Math.min(room - kept, Math.max(kept - length, place));
    };
    this.#touched = true;
    this.#scale = scale;
    this.#x = keep(x, this.#layout.width * scale, this.width);
    this.#y = keep(y, this.#layout.height * scale, this.height);
    this.#changed();
  }

  #least() {
    return Math.min(1, (this.width - 2 * MARGIN) / Math.max(1, this.#layout.width), (this.height - 2 * MARGIN) / this.#layout.height);
  }

  #whole() {
    this.#scale = this.#least();
    this.#x = (this.width - this.#layout.width * this.#scale) / 2;
    this.#y = (this.height - this.#layout.height * this.#scale) / 2;
  }

  #begin() {
    if (this.#least() >= ALL) return this.#whole();
    this.#scale = Math.max(this.#least(), READABLE);
    this.#x = MARGIN;
    const high = this.#layout.height * this.#scale;
    const [first] = this.#layout.columns;
    // As much of the first column as there is room for, or all of it in the middle.
    this.#y = high < this.height ? (this.height - high) / 2 : Math.max(MARGIN, this.height / 2 - first.tasks.length * BOX * this.#scale) - first.top * this.#scale;
  }
}
