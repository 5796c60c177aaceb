// The JSON API, as functions that give the body of an answer or throw: `Refused` with its sentence, `Away` without any.

export class Refused extends Error {
  constructor(status, { detail, title, field }) {
    super(detail || title || `the program answered ${status}`);
    this.status = status;
    this.field = field ?? null;
  }
}

export class Away extends Error {}

// What first.js has asked for already; each answer is for one who asks.
function early(path, { method }) {
  const answer = method ? undefined : globalThis.asked.get(path);
  if (answer) globalThis.asked.delete(path);
  return answer;
}

async function send(path, options) {
  const response = await (early(path, options) ?? fetch(`/api/v1${path}`, { cache: "no-cache", ...options })).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Away("The program does not answer.");
  });
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) location.reload(); // which shows where to log in
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

export const get = (path, signal) => send(path, { signal });
export async function post(path, body, headers = {}) {
  const ask = async () =>
    send(path, { method: "POST", headers: { "Content-Type": "application/json", ...(await proof()), ...headers }, body: JSON.stringify(body) });
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Refused) || error.field !== XSRF) throw error;
    who = null; // there was a login since this page has asked
    return ask();
  }
}

// What a change brings along under a login: a page of another site cannot know it.
const XSRF = "X-Ppacer-Xsrf";
async function proof() {
  const { xsrf } = await me();
  return xsrf ? { [XSRF]: xsrf } : {};
}

export const part = encodeURIComponent;

// A query string of what is given: none for null, one each for a list.
export function search(given) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== null && each !== undefined && each !== "") query.append(name, each);
  }
  const text = query.toString();
  return text && `?${text}`;
}

const RANKS = ["viewer", "operator", "admin"];
let who = null;

// Who uses this page, as `{user, role, how, xsrf}`; asked for again where the program did not answer.
export const me = () => (who ??= get("/me").catch((error) => { who = null; throw error; }));

// Whether the user's role is this one or one above it.
export async function may(role) {
  return RANKS.indexOf((await me()).role) >= RANKS.indexOf(role);
}

export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
