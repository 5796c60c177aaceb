// Who uses this page: their name and role, another password, the end of the login.

import { get, post } from "./api.js";
import { ask, field, tell } from "./dialog.js";
import { h } from "./dom.js";
import { fact } from "./parts.js";

const MAY = {
  viewer: "may look at everything but users, tokens and the audit log",
  operator: "may look, and ask for runs, cancel, restart and pause",
  admin: "may do everything",
};
const KNOWN_BY = { session: "a login with a password", token: "a token, which has no password", shared: "the token that all share, which has no password" };
const LEAST = 12;
const MOST = 200;

export async function account() {
  const me = await get("/me");
  const change = h("button", { type: "button" }, "Change password…");
  change.addEventListener("click", () => {
    change.closest("dialog").close();
    changePassword(me);
  });
  await ask({
    title: me.user,
    body: [
      h("dl", { class: "facts" }, fact("role", h("strong", {}, me.role), `, ${MAY[me.role]}`), fact("known by", KNOWN_BY[me.how])),
      me.how === "session" && h("div", {}, change),
    ].filter(Boolean),
    back: "Close",
    label: me.xsrf && "Log out",
    act: () => logOut(me),
  });
}

async function changePassword({ user }) {
  const password = (name, autocomplete, limits = {}) => h("input", { type: "password", name, autocomplete, required: true, ...limits });
  const limits = { minlength: LEAST, maxlength: MOST };
  const done = await ask({
    title: "Change your password",
    body: "All your other logins end, in other browsers and on other machines. This one goes on.",
    fields: [
      h("input", { type: "text", autocomplete: "username", value: user, hidden: true }), // for what keeps passwords
      field("Password until now", password("old_password", "current-password")),
      field("New password", password("password", "new-password", limits), `${LEAST} characters at least`),
      field("New password again", password("again", "new-password", limits))],
    label: "Change password",
    act: (given) => {
      if (given.get("password") !== given.get("again")) throw Object.assign(new Error("This is not what stands above"), { field: "again" });
      return post("/me/password", { old_password: given.get("old_password"), password: given.get("password") });
    },
  });
  if (done) tell("Your password is changed, and your other logins have ended.");
}

async function logOut({ xsrf }) {
  const answer = await fetch("/logout", { method: "POST", body: new URLSearchParams({ xsrf }) });
  if (!answer.ok) throw new Error("The program did not end the login: try again");
  location.assign("/login");
}
