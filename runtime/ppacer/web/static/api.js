// The JSON API: one request at a time per purpose, long-polls that come back after the program was away.

const link = document.getElementById("link");

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

class Away extends Error {}

async function send(path, options) {
  const response = await fetch(`/api/v1${path}`, { cache: "no-store", ...options }).catch((error) => {
    throw new Away(`The program does not answer: ${error.message}`);
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, body.detail || body.title || response.statusText);
  return body;
}

export const get = (path, signal) => send(path, { signal });
export const post = (path, body) =>
  send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const part = encodeURIComponent;

// Calls `step` again and again until the signal aborts; while the program is away it waits a little longer each time.
export async function repeat(signal, step) {
  let pause = 250;
  while (!signal.aborted) {
    try {
      if ((await step()) === false) return;
      say("live");
      pause = 250;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Away || (error instanceof Refused && error.status >= 500))) throw error;
      say("away");
      await sleep(pause, signal);
      pause = Math.min(5000, pause * 2);
    }
  }
}

export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

export function say(state) {
  const text = state === "live" ? "live" : "not connected";
  if (link.textContent !== text) link.textContent = text;
  link.className = `link ${state}`;
}
