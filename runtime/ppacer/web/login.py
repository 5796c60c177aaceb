"""The login page and the end of a login: forms that work without a script, under a policy that allows none.

Whatever is wrong with a login is answered in the same words, after the same work.
"""

from __future__ import annotations

import math
from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

from ppacer.core.accounts import How, Right, Role
from ppacer.services.accounts import SESSION_SECONDS, digest_of
from ppacer.services.passwords import TooManyLoginsError
from ppacer.web.base import FORM, BaseHandler
from ppacer.web.identity import by_shared_secret
from ppacer.web.security import FORM_POLICY

_REFUSED = "This user and password, or this token, are not known."
_TOO_OFTEN = "There were too many tries: wait for {seconds} s, and try again."
_MAX_FORM = 16 * 1024

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/login.css">
</head>
<body>
<main>
<h1><img src="/static/icon.svg" alt="" width="28" height="28"> {program}</h1>
{content}
</main>
</body>
</html>
"""

_FORM = """<form method="post" action="/login">
{problem}<label for="user">User</label>
<input id="user" name="user" value="{user}" autocomplete="username" autocapitalize="none" spellcheck="false"\
 aria-describedby="about-user"{focus_user}>
<p class="hint" id="about-user">Leave it empty to log in with a token.</p>
<label for="password">Password, or token</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{focus_password}>
<input type="hidden" name="next" value="{next}">
<button type="submit">Log in</button>
</form>"""

_KNOWN = """<p>You are logged in as <strong>{name}</strong>, with the role {role}.</p>
<form method="post" action="/logout">
<input type="hidden" name="xsrf" value="{xsrf}">
<button type="submit">Log out</button>
</form>
<p><a href="/">To the dags</a></p>"""

_UNNAMED = """<p>You need no login here.</p>
<p><a href="/">To the dags</a></p>"""


class _FormHandler(BaseHandler):
    takes = FORM
    max_body = _MAX_FORM

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Security-Policy", FORM_POLICY)
        self.set_header("Referrer-Policy", "same-origin")  # with `no-referrer` a form's Origin would be `null`

    def page(self, title: str, content: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        program = escape(self.site.program.name)
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(_PAGE.format(title=f"{title} · {program}", program=program, content=content))


class LoginHandler(_FormHandler):
    open_to_all = True
    from_anywhere = True

    async def get(self) -> None:
        found = self.identity
        if found is None:
            self._form()
        elif found.xsrf is None:
            self.page("Login", _UNNAMED)
        else:
            name = escape(found.name or "whoever knows the shared token")
            self.page("Login", _KNOWN.format(name=name, role=found.role, xsrf=found.xsrf))

    async def post(self) -> None:
        user = self.get_body_argument("user", "")
        secret = self.get_body_argument("password", "", strip=False)
        limits, accounts = self.site.logins, self.site.scheduler.accounts
        wait = limits.take(user, self.address)
        if wait > 0:
            self._refuse_for(user, wait)
            return
        try:
            holder = await self._holder(user, secret)
        except TooManyLoginsError:
            self._refuse_for(user, 1.0)
            return
        self.audit_subject = ""
        if holder is None:
            # A name that is not known may be a password in the wrong place: it is kept nowhere.
            await self.record(HTTPStatus.UNAUTHORIZED, actor=user if accounts.user(user) is not None else "")
            self._form(HTTPStatus.UNAUTHORIZED, _REFUSED, user)
            return
        limits.give_back(user, self.address)
        how, held, actor = holder
        _, cookie = await accounts.begin_session(how, held, instead_of=self.get_cookie(self.cookie_name))
        self.set_cookie(
            *(self.cookie_name, cookie),
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            secure=self.secure,
            samesite="Strict",
        )
        await self.record(HTTPStatus.SEE_OTHER, actor=actor, how=how)
        self.redirect(within(self.get_body_argument("next", "/")), status=HTTPStatus.SEE_OTHER)

    async def _holder(self, user: str, secret: str) -> tuple[How, str, str] | None:
        """How the login is known, whose it is, and the name for the audit log. Raises `TooManyLoginsError`."""
        accounts = self.site.scheduler.accounts
        if user:
            found = await accounts.check_password(user, secret)
            return None if found is None else (How.SESSION, found.name, found.name)
        if by_shared_secret(self.access, secret):
            return How.SHARED, digest_of(secret), "shared token"
        token = accounts.token(secret)
        if token is None or token.scope is Role.EXECUTOR:
            return None
        return How.TOKEN, token.id, f"token:{token.name}"

    def _refuse_for(self, user: str, seconds: float) -> None:
        rounded = str(math.ceil(seconds))
        self.set_header("Retry-After", rounded)
        self._form(HTTPStatus.TOO_MANY_REQUESTS, _TOO_OFTEN.format(seconds=rounded), user)

    def _form(self, status: HTTPStatus = HTTPStatus.OK, problem: str = "", user: str = "") -> None:
        text = f'<p class="problem" role="alert">{escape(problem)}</p>\n' if problem else ""
        focus = (" autofocus", "")
        content = _FORM.format(
            problem=text,
            user=escape(user[:100]),
            next=escape(within(self.get_argument("next", "/"))),
            focus_user=focus[bool(user)],
            focus_password=focus[not user],
        )
        self.page("Log in", content, status)


class LogoutHandler(_FormHandler):
    """Ends the login by whose cookie it is asked."""

    right = Right.KNOWN

    def given_xsrf(self) -> str:
        return self.get_body_argument("xsrf", "")

    async def post(self) -> None:
        found = self.identity
        if found is not None and found.session is not None:
            await self.site.scheduler.accounts.end_session(found.session.digest)
            self.clear_cookie(self.cookie_name, path="/", secure=self.secure, samesite="Strict", httponly=True)
            self.audit_subject = ""
            await self.record(HTTPStatus.SEE_OTHER)
        self.redirect("/login", status=HTTPStatus.SEE_OTHER)


def within(path: str) -> str:
    """The path, if it is one of this program; else that of its page. No browser may be sent elsewhere."""
    parts = urlsplit(path)
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return path if inside and path.isprintable() and len(path) <= 2000 else "/"
