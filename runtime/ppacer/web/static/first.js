// Before anything is painted: the colours that were chosen here, if they were. And what the view of this address will
// ask for first is asked for now, so that it comes while the modules are loaded: `get` in api.js takes it from here.
{
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;

  const [, kind, id] = location.pathname.split("/");
  const views = { "": "/dags?limit=40", dags: id && `/dags/${id}`, runs: id && `/runs/${id}?logs=false` };
  globalThis.asked = new Map();
  for (const path of ["/me", views[kind]].filter(Boolean)) {
    const answer = fetch(`/api/v1${path}`, { cache: "no-cache" });
    answer.catch(() => {}); // who takes it is told
    globalThis.asked.set(path, answer);
  }
}
