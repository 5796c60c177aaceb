"""Schema 4: users, tokens, logins, and who did what."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text, UniqueConstraint
from sqlalchemy.schema import SchemaItem

from ppacer.store.migrations.step import Migration, create_index, create_table


def _string(length: int) -> String:
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def _long() -> Text:
    return Text().with_variant(Text(2**32 - 1), "mysql", "mariadb")


def _accounts() -> Sequence[SchemaItem]:
    return (
        Column("project", _string(200), nullable=False),
        Column("name", _string(200), nullable=False),
        Column("role", _string(30), nullable=False),
        Column("password", String(300), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("project", "name"),
    )


def _access_tokens() -> Sequence[SchemaItem]:
    return (
        Column("id", _string(36), nullable=False),
        Column("project", _string(200), nullable=False),
        Column("name", _string(200), nullable=False),
        Column("scope", _string(30), nullable=False),
        Column("digest", _string(64), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("created_by", _string(200), nullable=False),
        Column("expires_at", BigInteger),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("project", "name", name="one_token_per_name"),
        UniqueConstraint("digest", name="one_token_per_digest"),
    )


def _login_sessions() -> Sequence[SchemaItem]:
    return (
        Column("digest", _string(64), nullable=False),
        Column("how", _string(30), nullable=False),
        Column("holder", _string(200), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("digest"),
    )


def _audit_log() -> Sequence[SchemaItem]:
    return (
        Column("id", _string(36), nullable=False),
        Column("project", _string(200), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("actor", _string(200), nullable=False),
        Column("how", _string(30), nullable=False),
        Column("address", String(300), nullable=False),
        Column("action", _string(30), nullable=False),
        Column("subject", _long(), nullable=False),
        Column("outcome", Integer, nullable=False),
        Column("detail", _long(), nullable=False),
        PrimaryKeyConstraint("id"),
    )


_STEPS = (
    create_table("accounts", _accounts),
    create_table("access_tokens", _access_tokens),
    create_table("login_sessions", _login_sessions),
    create_table("audit_log", _audit_log),
    create_index("audit_log_by_actor", "audit_log", "actor", "id"),
    create_index("audit_log_by_action", "audit_log", "action", "id"),
)

TO_4 = Migration(4, {"runs": _STEPS, "logs": ()})
