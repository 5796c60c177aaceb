// Questions before anything is done: what it will touch, and two buttons.

import { h } from "./dom.js";

// Shows a dialog; the promise gives true, or the form's data where there are fields, once it is confirmed, else null.
export function ask({ title, body = [], confirm, danger = false, cancel = "Cancel" }) {
  const before = document.activeElement;
  const form = h("form", { method: "dialog" },
    h("h2", { id: "dialog-title" }, title),
    h("div", { class: "body" }, body),
    h("div", { class: "buttons" },
      h("button", { type: "button", value: "cancel", "data-dismiss": true }, cancel),
      confirm && h("button", { type: "submit", value: "yes", class: danger ? "strong danger" : "strong" }, confirm)));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let answer = null;
    form.addEventListener("submit", () => { answer = new FormData(form); });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-dismiss]")) dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      resolve(answer);
    }, { once: true });
    dialog.showModal();
  });
}

// What is to be touched, as a list that stays short.
export function listed(items, most = 12) {
  return h("ul", { class: "touched" },
    items.slice(0, most).map((item) => h("li", {}, item)),
    items.length > most && h("li", { class: "quiet" }, `and ${items.length - most} more`));
}

const toast = document.getElementById("toast");
let fading = null;

export function tell(text, { bad = false } = {}) {
  toast.textContent = text;
  toast.className = bad ? "bad" : "";
  toast.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toast.hidden = true; }, bad ? 9000 : 4000);
}
