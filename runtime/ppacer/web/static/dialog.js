// Questions before anything is done: a dialog that says what will be touched, and stays open with the reason where it is
// refused. And a line at the foot of the page that says what was done.

import { h, morphChildren } from "./dom.js";

const SETTLE = 150; // milliseconds without a change of a field before its effect is asked for

// `title` is the question; `body` says more, in sentences or elements; `fields` are elements of the form. `label` names
// the button that does it: without one there is nothing to be done. `act(data)` does it, with what stands in the named
// fields; what it throws is said, beside the field that it names if there is one. `preview(signal)` answers with elements
// that say what will be touched, and is asked again when a field changes; what it throws is said, and nothing can be done.
// Resolves to what `act` gave, or to `null`.
export function ask({ title, body = [], fields = [], label = null, danger = false, back = "Back", preview = null, act = null }) {
  const touched = h("div", { class: "will-touch", "aria-live": "polite" });
  const fault = h("p", { class: "fault", id: "dialog-fault", role: "alert", hidden: true });
  const leave = h("button", { type: "button" }, back);
  const go = label && h("button", { type: "submit", class: danger ? "strong danger" : "strong" }, label);
  const text = h("div", { class: "body" }, [body].flat().map((each) => (typeof each === "string" ? h("p", {}, each) : each)), fields, preview && touched, fault);
  const form = h("form", { method: "dialog" },
    h("h2", { id: "dialog-title" }, title),
    text,
    h("div", { class: "buttons" }, leave, go));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  let asked = new AbortController();
  let blamed = null;

  const say = (error) => {
    blamed?.removeAttribute("aria-invalid");
    blamed?.removeAttribute("aria-describedby");
    blamed = error?.field ? form.elements.namedItem(error.field) : null;
    fault.hidden = !error;
    fault.textContent = error ? sentence(error.message) : "";
    if (blamed) {
      blamed.setAttribute("aria-invalid", "true");
      blamed.setAttribute("aria-describedby", fault.id);
      (blamed.closest(".two") ?? blamed.closest(".field") ?? blamed).after(fault);
    } else text.append(fault);
  };

  const look = async () => {
    if (!preview) return;
    asked.abort();
    const { signal } = asked = new AbortController();
    go.disabled = true;
    try {
      const found = await preview(signal);
      if (signal.aborted) return;
      morphChildren(touched, [found].flat());
      say(null);
      go.disabled = false;
    } catch (error) {
      if (signal.aborted) return;
      touched.replaceChildren();
      say(error);
    }
  };

  return new Promise((resolve) => {
    let result = null;
    let timer = 0;
    form.addEventListener("input", () => {
      say(null);
      clearTimeout(timer);
      timer = setTimeout(look, SETTLE);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!go || go.disabled) return;
      go.disabled = true;
      try {
        result = await act(new FormData(form));
        dialog.close();
      } catch (error) {
        say(error);
        blamed?.focus();
        go.disabled = false;
      }
    });
    leave.addEventListener("click", () => dialog.close());
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
    (form.querySelector(":is(input, select, textarea):not([hidden])") ?? leave).focus();
    look();
  });
}

// A field of a form, under its name.
export const field = (name, control, hint = "") =>
  h("label", { class: "field" }, h("span", {}, name, hint && h("span", { class: "quiet" }, ` ${hint}`)), control);

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

const toast = document.getElementById("toast");
let fading = null;

export function tell(text, { bad = false } = {}) {
  toast.textContent = text;
  toast.className = bad ? "bad" : "";
  toast.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toast.hidden = true; }, bad ? 9000 : 4000);
}
