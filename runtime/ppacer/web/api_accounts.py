"""The JSON API of users, tokens and the audit log: for admins only."""

from __future__ import annotations

from http import HTTPStatus

from ppacer.core.accounts import Right
from ppacer.services.accounts import Accounts
from ppacer.services.errors import NotPossible
from ppacer.services.passwords import TooManyLoginsError
from ppacer.store.accounts import AuditFilter
from ppacer.web.account_messages import (
    AuditList,
    NewToken,
    PasswordRequest,
    RoleRequest,
    TokenList,
    TokenRequest,
    TokenView,
    UserList,
    UserRequest,
    UserView,
)
from ppacer.web.account_views import audit_list, token_view, user_view
from ppacer.web.base import BaseHandler, instant
from ppacer.web.operation import operation
from ppacer.web.queries import AuditQuery
from ppacer.web.requests import NoRequest

_BUSY = "too many passwords are being hashed at the moment: try again"


class _AccountsHandler(BaseHandler):
    @property
    def known(self) -> Accounts:
        return self.site.scheduler.accounts


class UsersHandler(_AccountsHandler):
    """Those who can log in, by name."""

    @operation("List users", UserList, right=Right.ADMINISTER)
    async def get(self) -> UserList:
        return UserList(tuple(map(user_view, self.known.users())))

    @operation("Add a user", UserView, body=UserRequest, status=HTTPStatus.CREATED, right=Right.ADMINISTER)
    async def post(self, request: UserRequest) -> UserView:
        self.audit_subject, self.audit_detail = request.name, f"role {request.role}"
        try:
            return user_view(await self.known.add_user(request.name, request.role, request.password))
        except TooManyLoginsError as error:
            raise NotPossible(_BUSY) from error


class RemoveUserHandler(_AccountsHandler):
    """All logins of the user end. Without users nobody needs to say who they are on loopback."""

    @operation("Remove a user", UserList, body=NoRequest, right=Right.ADMINISTER)
    async def post(self, name: str, _: NoRequest) -> UserList:
        await self.known.remove_user(name)
        return UserList(tuple(map(user_view, self.known.users())))


class UserRoleHandler(_AccountsHandler):
    """It holds from now on, for logins under way as well."""

    @operation("Set a user's role", UserView, body=RoleRequest, right=Right.ADMINISTER)
    async def post(self, name: str, request: RoleRequest) -> UserView:
        self.audit_detail = f"role {request.role}"
        return user_view(await self.known.set_role(name, request.role))


class UserPasswordHandler(_AccountsHandler):
    """All logins of the user end."""

    @operation("Set a user's password", UserView, body=PasswordRequest, right=Right.ADMINISTER)
    async def post(self, name: str, request: PasswordRequest) -> UserView:
        try:
            return user_view(await self.known.set_password(name, request.password))
        except TooManyLoginsError as error:
            raise NotPossible(_BUSY) from error


class TokensHandler(_AccountsHandler):
    """What scripts and executors are known by, in the order in which they were made."""

    @operation("List tokens", TokenList, right=Right.ADMINISTER)
    async def get(self) -> TokenList:
        now = self.site.scheduler.clock.now()
        return TokenList(tuple(token_view(token, now) for token in self.known.tokens()))

    @operation("Add a token", NewToken, body=TokenRequest, status=HTTPStatus.CREATED, right=Right.ADMINISTER)
    async def post(self, request: TokenRequest) -> NewToken:
        self.audit_subject, self.audit_detail = request.name, f"scope {request.scope}"
        expires_at = None if request.expires_at is None else instant(request.expires_at, "expires_at", "UTC")
        token, secret = await self.known.add_token(request.name, request.scope, by=self.actor, expires_at=expires_at)
        return NewToken(token_view(token, self.site.scheduler.clock.now()), secret)


class RevokeTokenHandler(_AccountsHandler):
    """It does not hold from now on."""

    @operation("Revoke a token", TokenView, body=NoRequest, right=Right.ADMINISTER)
    async def post(self, name: str, _: NoRequest) -> TokenView:
        return token_view(await self.known.revoke_token(name), self.site.scheduler.clock.now())


class AuditHandler(BaseHandler):
    """Who did what, newest first."""

    @operation("List what was done", AuditList, query=AuditQuery, right=Right.ADMINISTER)
    async def get(self, query: AuditQuery) -> AuditList:
        wanted = AuditFilter(
            actor=query.actor,
            action=query.action,
            since=None if query.since is None else instant(query.since, "since", "UTC"),
            until=None if query.until is None else instant(query.until, "until", "UTC"),
            before=query.before,
        )
        return await self.read(audit_list, self.site.store.accounts, wanted, query.limit)
