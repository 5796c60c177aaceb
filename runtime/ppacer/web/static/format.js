// Times and durations as people read them. The API's times are ISO 8601 in UTC; here they are shown in local time.

// A way to show moments, made when it is first needed: none is cheap, and few views need them all.
function shown(options) {
  let made = null;
  return (iso) => (made ??= new Intl.DateTimeFormat(undefined, options)).format(new Date(iso));
}

// The same, of a moment of today, of this year, and of another: what a reader knows anyhow is left out.
function shownFrom(now, thisYear) {
  const [today, near, far] = [now, thisYear, { ...thisYear, year: "numeric" }].map(shown);
  return (iso) => {
    const moment = new Date(iso);
    const present = new Date();
    if (moment.toDateString() === present.toDateString()) return today(iso);
    return (moment.getFullYear() === present.getFullYear() ? near : far)(iso);
  };
}

const HOUR = { hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

export const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

// A moment with its zone: `02:15 CET` today, `Sat 28 Nov, 02:15 CET` on another day, with the year if it is another.
export const zonedTime = shownFrom(HOUR, { weekday: "short", day: "numeric", month: "short", ...HOUR });
export const longTime = shown({ weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

// The same moment as the clocks of another zone show it.
export function timeIn(iso, zone) {
  return new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: zone, timeZoneName: "short" }).format(new Date(iso));
}

export const fullTime = shown({ dateStyle: "medium", timeStyle: "medium" });
export const shortTime = shownFrom({ timeStyle: "medium" }, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
export const clockTime = shown({ hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export const milliseconds = (iso) => new Date(iso).getTime();

export function elapsed(seconds) {
  seconds = Math.max(0, seconds);
  if (seconds < 9.995) return `${seconds.toFixed(2)}s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  let minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes}m ${String(Math.round(seconds) % 60).padStart(2, "0")}s`;
  const hours = Math.floor(minutes / 60);
  minutes %= 60;
  if (hours < 48) return `${hours}h ${String(minutes).padStart(2, "0")}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

// A duration that somebody set, in the language's own notation: `1h30m`, `10m`, `500ms`.
export function notation(seconds) {
  let left = Math.round(seconds * 1000);
  let text = "";
  for (const [unit, size] of [["d", 86400000], ["h", 3600000], ["m", 60000], ["s", 1000], ["ms", 1]]) {
    if (left >= size) text += `${Math.floor(left / size)}${unit}`;
    left %= size;
  }
  return text || "0s";
}

// A callable as its author named it: `print`, not the place of the built-in task in the runtime.
export const callable = (id) => id.replace(/^ppacer\.tasks\.\w+:(\w+?)_?$/, "$1");

// Whole seconds while something still runs: figures that flicker help nobody.
export function running(seconds) {
  return seconds < 60 ? `${Math.max(0, Math.floor(seconds))}s` : elapsed(Math.floor(seconds));
}

export function relative(iso, now = Date.now()) {
  const seconds = (milliseconds(iso) - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 1) return "now";
  const text = size < 100 ? `${Math.floor(size)} s`
    : size < 6000 ? `${Math.round(size / 60)} min`
    : size < 129600 ? `${Math.round(size / 3600)} h`
    : size < 63072000 ? `${Math.round(size / 86400)} days`
    : `${Math.round(size / 31557600)} years`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

// Without what programs write to colour a terminal.
export const plain = (text) => text.replace(/\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)/g, "");

export const ahead = (iso) => (milliseconds(iso) <= Date.now() ? "now" : relative(iso));
export const words = (status) => status.replaceAll("_", " ");
const NUMBER = new Intl.NumberFormat();
export const number = (count) => NUMBER.format(count);
export const plural = (count, noun, many = `${noun}s`) => `${number(count)} ${count === 1 ? noun : many}`;
