// Asks before anything is done: a dialog that says what will be touched, and stays open with the reason if it is refused.

import { h, morphChildren } from "./dom.js";

const SETTLE = 150; // milliseconds without a change of a field before its effect is asked for

// `title` is the question; `text` says more; `fields` are elements of the form; `label` names the button that does it;
// `act` does it. `preview(signal)` answers with elements that say what will be touched, and is asked again when a field
// changes; what it throws is said, and nothing can be done. Resolves to what `act` gave, or to `null`.
export function ask({ title, text = "", fields = [], label, danger = false, preview = null, act }) {
  const touched = h("div", { class: "will-touch", "aria-live": "polite" });
  const fault = h("p", { class: "fault", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: danger ? "strong danger" : "strong" }, label);
  const back = h("button", { type: "button" }, "Back");
  const form = h("form", { method: "dialog" },
    h("h2", { id: "ask-title" }, title),
    h("div", { class: "body" }, text && h("p", { class: "quiet" }, text), fields, touched, fault),
    h("div", { class: "buttons" }, back, go));
  const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title" }, form);
  let asked = new AbortController();
  const say = (message) => { fault.hidden = !message; fault.textContent = message; };

  const look = async () => {
    if (!preview) return;
    asked.abort();
    const { signal } = asked = new AbortController();
    go.disabled = true;
    try {
      const found = await preview(signal);
      if (signal.aborted) return;
      morphChildren(touched, [].concat(found));
      say("");
      go.disabled = false;
    } catch (error) {
      if (signal.aborted) return;
      touched.replaceChildren();
      say(sentence(error.message));
    }
  };

  return new Promise((resolve) => {
    let result = null;
    let timer = 0;
    form.addEventListener("input", () => {
      say("");
      clearTimeout(timer);
      timer = setTimeout(look, SETTLE);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      try {
        result = await act();
        dialog.close();
      } catch (error) {
        say(sentence(error.message));
        go.disabled = false;
      }
    });
    back.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    // The page's own keys mean nothing while it waits for an answer.
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => {
      asked.abort();
      clearTimeout(timer);
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
    (fields.length ? form.querySelector("input, select, textarea") : back)?.focus();
    look();
  });
}

// A named field of a form.
export const field = (name, control, hint = "") =>
  h("label", { class: "field" }, h("span", {}, name), control, hint && h("span", { class: "quiet" }, hint));

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
