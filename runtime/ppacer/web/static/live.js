// What is shown stays as it is in the program: one stream of server-sent events per page tells that something changed,
// and each view asks again for what it shows, once per change at most, and never faster than it can take it.

import { Away, get, Refused, sleep } from "./api.js";

const LEAST_PAUSE = 200; // milliseconds between two looks
const SHARE = 3; // a view waits so many times as long as its last look took, so that it takes a quarter of the time,
const MOST_PAUSE = 5000; // but no longer than this: a look that took long once must not leave the next one waiting
const link = document.getElementById("link");
const followers = new Set();
let source = null;
let retry = null;
let pause = 500;

// Calls `look` now and after each change, until the signal aborts. `look` gets the pulse of the change (null at first),
// and may return false to be called no more. Refusals are thrown; while the program is away it waits.
export async function follow(signal, look) {
  const follower = { pulse: null, wake: null, stale: true };
  const nudge = () => { follower.stale = true; follower.wake?.(); };
  follower.hear = (pulse) => { follower.pulse = pulse; nudge(); };
  followers.add(follower);
  signal.addEventListener("abort", () => { followers.delete(follower); follower.wake?.(); }, { once: true });
  connect();
  while (!signal.aborted) {
    if (!follower.stale || document.hidden) {
      await new Promise((resolve) => { follower.wake = resolve; });
      continue;
    }
    follower.stale = false;
    const start = performance.now();
    try {
      if ((await look(follower.pulse)) === false) { followers.delete(follower); return; }
      if (source?.readyState === EventSource.OPEN) say("live");
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Away || (error instanceof Refused && error.status >= 500))) { followers.delete(follower); throw error; }
      say("away");
      follower.stale = true;
      await sleep(1000, signal);
      continue;
    }
    await sleep(Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, SHARE * (performance.now() - start))), signal);
    await frame();
  }
}

// The next time that the browser paints; at once where it does not, in a page that nobody sees.
export const frame = () => new Promise((resolve) => { if (document.hidden) resolve(); else requestAnimationFrame(resolve); });

function connect() {
  if (source || document.hidden) return;
  clearTimeout(retry);
  source = new EventSource("/api/v1/stream");
  source.onmessage = (event) => {
    pause = 500;
    say("live");
    const pulse = JSON.parse(event.data);
    for (const follower of followers) follower.hear(pulse);
  };
  source.onerror = () => {
    say("away");
    if (source.readyState === EventSource.CLOSED) { // it was refused: the browser itself tries no more
      disconnect();
      get("/me").catch(() => {}); // whoever is not known any more is shown where to log in
      retry = setTimeout(connect, pause);
      pause = Math.min(10000, pause * 2);
    }
  };
}

function disconnect() {
  source?.close();
  source = null;
}

// A page that nobody sees holds no connection: a browser has but six for all its pages of one program.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (followers.size) {
    connect();
    for (const follower of followers) follower.hear(follower.pulse);
  }
});

const SAYINGS = { live: "live", away: "not connected" };

export function say(state) {
  if (link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = SAYINGS[state];
  link.title = state === "live" ? "What is shown changes by itself" : "The program does not answer. What is shown is as it was; it goes on by itself.";
  link.className = `link ${state}`;
  document.body.classList.toggle("stale", state === "away");
}
