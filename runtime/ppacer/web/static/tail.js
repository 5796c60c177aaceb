// Follows a stream of server-sent events until it ends, through losses of the connection, and not while nobody looks:
// a browser has few connections to one address, and pages in the background should not hold them.

import { sleep } from "./api.js";

const SHORTEST = 250; // milliseconds until the next try
const LONGEST = 5000;

// `path(last)` is the address behind the event `last`, which is `null` at first. `take(data, id)` gets each event, and
// returns false where that was the last one. `over()` is asked when the server has ended the stream or does not answer.
export async function tail(signal, path, { take, over = () => false }) {
  let last = null;
  let pause = SHORTEST;
  while (!signal.aborted) {
    await visible(signal);
    const ended = await once(signal, `/api/v1${path(last)}`, (event) => {
      pause = SHORTEST;
      last = event.lastEventId || last;
      return take(JSON.parse(event.data), last);
    });
    if (signal.aborted || ended === "done") return;
    if (ended === "hidden") continue;
    if (await over()) return;
    await sleep(pause, signal);
    pause = Math.min(LONGEST, pause * 2);
  }
}

function once(signal, address, take) {
  return new Promise((resolve) => {
    const source = new EventSource(address);
    const end = (how) => {
      source.close();
      document.removeEventListener("visibilitychange", hide);
      signal.removeEventListener("abort", abort);
      resolve(how);
    };
    const abort = () => end("aborted");
    const hide = () => { if (document.hidden) end("hidden"); };
    signal.addEventListener("abort", abort);
    document.addEventListener("visibilitychange", hide);
    source.addEventListener("message", (event) => { if (take(event) === false) end("done"); });
    source.addEventListener("error", () => end("lost"));
  });
}

function visible(signal) {
  if (!document.hidden) return null;
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
  });
}
