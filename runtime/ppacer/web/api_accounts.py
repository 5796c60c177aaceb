"""The JSON API of users, tokens and the audit log: for admins only, but for one's own password."""

from __future__ import annotations

import math
from http import HTTPStatus

from ppacer.core.accounts import How, Right
from ppacer.services.accounts import Accounts
from ppacer.services.errors import InvalidTrigger, NotPossible
from ppacer.services.passwords import TooManyLoginsError
from ppacer.store.accounts import AuditFilter
from ppacer.web.account_messages import (
    AuditList,
    NewToken,
    OwnPasswordRequest,
    PasswordRequest,
    RoleRequest,
    TokenList,
    TokenRequest,
    TokenView,
    UserList,
    UserRequest,
    UserView,
)
from ppacer.web.account_views import audit_list, token_list, token_view, user_list, user_view
from ppacer.web.base import ApiError, BaseHandler, instant
from ppacer.web.operation import operation
from ppacer.web.queries import AuditQuery, FromPageQuery
from ppacer.web.requests import NoRequest

_BUSY = "too many passwords are being hashed at the moment: try again"
_TOO_OFTEN = "there were too many tries: wait for {seconds} s, and try again"


class _AccountsHandler(BaseHandler):
    @property
    def known(self) -> Accounts:
        return self.site.scheduler.accounts


class UsersHandler(_AccountsHandler):
    """Those who can log in, by name."""

    @operation("List users", UserList, query=FromPageQuery, right=Right.ADMINISTER)
    async def get(self, query: FromPageQuery) -> UserList:
        return user_list(self.known.users(), query.after, query.limit)

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
        return user_list(self.known.users())


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


class OwnPasswordHandler(_AccountsHandler):
    """For whoever has logged in with a name and a password. It takes the password that holds until now, which may be
    tried as often as a login. All other logins of the user end."""

    @operation("Set one's own password", UserView, body=OwnPasswordRequest, right=Right.KNOWN)
    async def post(self, request: OwnPasswordRequest) -> UserView:
        self.audit_subject = ""
        found = self.identity
        if found is None or found.how is not How.SESSION or found.name is None or found.session is None:
            raise NotPossible("there is no password to change: it takes a login with a name and a password")
        self.audit_subject = found.name
        if request.password == request.old_password:
            raise InvalidTrigger("this is the password that holds already", "password")
        limits = self.site.logins
        wait = math.ceil(limits.take(found.name, self.address))
        if wait > 0:
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, _TOO_OFTEN.format(seconds=wait), retry_after=wait)
        try:
            if await self.known.check_password(found.name, request.old_password) is None:
                raise ApiError(HTTPStatus.FORBIDDEN, "this is not the password that holds until now", "old_password")
            limits.give_back(found.name, self.address)
            return user_view(await self.known.set_password(found.name, request.password, keeping=found.session.digest))
        except TooManyLoginsError as error:
            raise NotPossible(_BUSY) from error


class TokensHandler(_AccountsHandler):
    """What scripts and executors are known by, in the order in which they were made."""

    @operation("List tokens", TokenList, query=FromPageQuery, right=Right.ADMINISTER)
    async def get(self, query: FromPageQuery) -> TokenList:
        return token_list(self.known.tokens(), self.site.scheduler.clock.now(), query.after, query.limit)

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
