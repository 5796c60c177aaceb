// Where a dag's tasks stand in its picture: from the layers and rows worked out at build time to boxes and edges in
// pixels. A layer a column, each column centred; a layer that is much taller than the others goes into several columns.

export const BOX = 46;
const ROW = 62;
const GAP = 60;
const INSET = 36; // what stands left of a name in its box
const NAME = 7.85; // the width of a character of a name, and of what stands below it
const BELOW = 6.7;
const LEAST = 104; // pixels for what stands in a box: room for what is said of a run
const LONGEST = 30; // characters of a name that are shown
const LONGEST_WAY = 10; // an edge past more columns goes straight

// `tasks`: {id, parents, x, y, below} in topological order; `below` is what stands under the name.
export function layOut(tasks) {
  const layers = [];
  for (const task of tasks) (layers[task.x] ??= []).push(task);
  const tall = Math.max(16, Math.ceil(Math.sqrt(tasks.length * 2.2)));
  const columns = [];
  for (const layer of layers) {
    if (!layer) continue;
    layer.sort((one, other) => one.y - other.y);
    const parts = Math.ceil(layer.length / tall);
    const size = Math.ceil(layer.length / parts);
    for (let part = 0; part < parts; part += 1) columns.push({ tasks: layer.slice(part * size, (part + 1) * size), first: part === 0 });
  }
  const tallest = Math.max(0, ...columns.map((column) => column.tasks.length));
  const boxes = new Map();
  let left = 0;
  columns.forEach((column, number) => {
    const arriving = column.tasks.reduce((sum, task) => sum + task.parents.length, 0);
    if (number) left += column.first ? GAP + Math.min(arriving * 1.5, 64) : GAP / 2;
    const texts = column.tasks.map((task) => [shortened(task.id), shortened(task.below ?? "")]);
    column.left = left;
    column.width = INSET + 12 + Math.max(LEAST, ...texts.map(([name, below]) => Math.max(cells(name) * NAME, cells(below) * BELOW)));
    column.right = left + column.width;
    column.top = ((tallest - column.tasks.length) * ROW) / 2;
    column.tasks.forEach((task, row) => {
      boxes.set(task.id, { task, name: texts[row][0], below: texts[row][1], column: number, row, x: left, y: column.top + row * ROW, width: column.width });
    });
    left = column.right;
  });
  const children = new Map(tasks.map((task) => [task.id, []]));
  const edges = [];
  for (const task of tasks) {
    for (const parent of task.parents) {
      if (!boxes.has(parent)) continue;
      children.get(parent).push(task.id);
      edges.push({ from: boxes.get(parent), to: boxes.get(task.id), path: null });
    }
  }
  return { boxes, columns, children, edges, width: left, height: Math.max(BOX, tallest * ROW - (ROW - BOX)) };
}

// The box at a point, if there is one.
export function boxAt({ columns, boxes }, x, y) {
  const column = columns.find((each) => x >= each.left && x <= each.right);
  if (!column) return null;
  const row = Math.floor((y - column.top) / ROW);
  const task = column.tasks[row];
  return task && y - column.top - row * ROW <= BOX ? boxes.get(task.id) : null;
}

// Everything before the task, or after it.
export function reached(start, neighbours) {
  const found = new Set();
  const open = [start];
  while (open.length) {
    for (const next of neighbours(open.pop())) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

// The line of an edge, through the gaps between the tasks of the columns that it passes.
export function line(edge, columns) {
  if (edge.path !== null) return edge.path;
  const { from, to } = edge;
  let x = from.x + from.width, y = from.y + BOX / 2;
  const toX = to.x - 7, toY = to.y + BOX / 2;
  let path = `M${n(x)} ${n(y)}`;
  if (to.column - from.column - 1 <= LONGEST_WAY) {
    const beginX = x, beginY = y;
    for (let number = from.column + 1; number < to.column; number += 1) {
      const column = columns[number];
      const gap = gapOf(column, beginY + ((toY - beginY) * (column.left - beginX)) / (toX - beginX));
      path += `${curve(x, y, column.left, gap)}H${n(column.right)}`;
      x = column.right;
      y = gap;
    }
  }
  edge.path = path + curve(x, y, toX, toY);
  return edge.path;
}

export const straight = ({ from, to }) => `M${n(from.x + from.width)} ${n(from.y + BOX / 2)}L${n(to.x)} ${n(to.y + BOX / 2)}`;
export const arrow = ({ to }) => `M${n(to.x - 8)} ${n(to.y + BOX / 2 - 4)}l7 4l-7 4z`;
export const block = ({ x, y, width }) => `M${n(x)} ${n(y)}h${n(width)}v${BOX}h${n(-width)}z`;

function gapOf(column, y) {
  const first = column.top - (ROW - BOX) / 2;
  return first + ROW * Math.min(Math.max(Math.round((y - first) / ROW), 0), column.tasks.length);
}

function curve(x, y, toX, toY) {
  const bend = (toX - x) / 2;
  return `C${n(x + bend)} ${n(y)} ${n(toX - bend)} ${n(toY)} ${n(toX)} ${n(toY)}`;
}

const n = (number) => Math.round(number * 10) / 10;
const WIDE = /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u;
const NARROW = /^[\x20-\x7e]*$/;
const cells = (text) => (NARROW.test(text) ? text.length : [...text].reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0));

// The text, or its beginning and end.
function shortened(text) {
  if (text.length <= LONGEST) return text;
  const signs = [...text];
  return signs.length <= LONGEST ? text : `${signs.slice(0, LONGEST / 2).join("")}…${signs.slice(1 - LONGEST / 2).join("")}`;
}
