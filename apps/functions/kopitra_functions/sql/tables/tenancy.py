"""Whom the platform serves, and who operates it."""

from sqlalchemy import Table, UniqueConstraint

from kopitra_functions.sql.columns import belongs, edited, flag, id_, moment, subject, tenant, text, word
from kopitra_functions.sql.metadata import metadata

tenants = Table(
    "tenants",
    metadata,
    tenant(key=True),
    text("name", required=True),
    flag("enabled"),
    *edited(),
)

users = Table(
    "users",
    metadata,
    id_("user_id", key=True),
    tenant(),
    subject("subject", required=True),
    text("name", required=True),
    text("email"),
    flag("enabled"),
    *edited(),
    UniqueConstraint("tenant", "user_id"),
    UniqueConstraint("tenant", "subject"),
)
"""`tenant` is `*` for those who operate the whole platform."""

user_roles = Table(
    "user_roles",
    metadata,
    id_("user_id", key=True),
    word("role", key=True),
    tenant(),
    moment("granted_at", required=True),
    subject("granted_by", required=True),
    belongs(("tenant", "user_id"), "users", ("tenant", "user_id")),
)
