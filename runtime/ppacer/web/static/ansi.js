// What programs write to colour a terminal, as pieces of text with classes. Nothing of it is ever taken for HTML.
//
// Sequences are those of ECMA-48: "select graphic rendition" is followed, all others are left out. Colours of 256 and of
// 24 bits are shown as the nearest of the sixteen that the page has for light and for dark, so that they can be read.

const SEQUENCE = /\x1b(?:\[([0-9;:]*)([ -/]*)([@-~])|\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f\x9b]/g;
const SIXTEEN = [[0, 0, 0], [187, 0, 0], [0, 187, 0], [187, 187, 0], [0, 0, 187], [187, 0, 187], [0, 187, 187], [187, 187, 187], [85, 85, 85], [255, 85, 85], [85, 255, 85], [255, 255, 85], [85, 85, 255], [255, 85, 255], [85, 255, 255], [255, 255, 255]];

export const PLAIN = Object.freeze({ fore: null, back: null, bold: false, faint: false, italic: false, underline: false, inverse: false, strike: false });

// The pieces of a line, each {text, style}, and the style that the next line begins with. A carriage return goes back to
// the beginning of the line, as progress bars have it: only what was written last is shown.
export function pieces(line, style = PLAIN) {
  if (!/[\x00-\x08\x0b-\x1f\x7f\x9b]/.test(line)) return { parts: [{ text: line, style }], style };
  const parts = [];
  let place = 0;
  const add = (text) => {
    const clean = text.replace(CONTROLS, "");
    if (clean) parts.push({ text: clean, style });
  };
  const rest = written(line);
  for (const found of rest.matchAll(SEQUENCE)) {
    add(rest.slice(place, found.index));
    place = found.index + found[0].length;
    if (found[3] === "m" && !found[2]) style = rendition(style, found[1] ?? "");
  }
  add(rest.slice(place));
  return { parts, style };
}

// The text alone, for search and copies.
export const textOf = (line) => pieces(line).parts.map(({ text }) => text).join("");

export function classes({ fore, back, bold, faint, italic, underline, inverse, strike }) {
  const names = [];
  const [front, ground] = inverse ? [back ?? "ground", fore ?? "ink"] : [fore, back];
  if (front !== null) names.push(`fore-${front}`);
  if (ground !== null) names.push(`back-${ground}`);
  for (const [name, on] of Object.entries({ bold, faint, italic, underline, strike })) if (on) names.push(name);
  return names.join(" ");
}

function written(line) {
  const whole = line.replace(/\r+$/, "");
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

function rendition(style, text) {
  const next = { ...style };
  const codes = text.split(/[;:]/).map(Number);
  for (let place = 0; place < codes.length; place += 1) {
    const code = codes[place];
    if (code === 0) Object.assign(next, PLAIN);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.faint = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.fore = code - 30;
    else if (code >= 90 && code <= 97) next.fore = code - 82;
    else if (code === 39) next.fore = null;
    else if (code >= 40 && code <= 47) next.back = code - 40;
    else if (code >= 100 && code <= 107) next.back = code - 92;
    else if (code === 49) next.back = null;
    else if (code === 38 || code === 48) {
      const colour = codes[place + 1] === 5 ? indexed(codes[place + 2]) : codes[place + 1] === 2 ? nearest(codes.slice(place + 2, place + 5)) : null;
      place += codes[place + 1] === 5 ? 2 : 4;
      next[code === 38 ? "fore" : "back"] = colour;
    }
  }
  return next;
}

function indexed(number) {
  if (!(number >= 0 && number < 256)) return null;
  if (number < 16) return number;
  if (number >= 232) return nearest(Array(3).fill((number - 232) * 10 + 8));
  const step = (size) => { const level = Math.floor((number - 16) / size) % 6; return level ? level * 40 + 55 : 0; };
  return nearest([step(36), step(6), step(1)]);
}

function nearest(rgb) {
  if (rgb.length < 3 || !rgb.every((value) => value >= 0 && value < 256)) return null;
  const far = (colour) => colour.reduce((sum, value, index) => sum + (value - rgb[index]) ** 2, 0);
  return SIXTEEN.reduce((best, colour, index) => (far(colour) < far(SIXTEEN[best]) ? index : best), 0);
}
