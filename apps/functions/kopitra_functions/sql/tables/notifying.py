"""What people are told, and by which ways."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from kopitra_functions.sql.columns import (
    account,
    belongs,
    count,
    document,
    edited,
    flag,
    id_,
    moment,
    place,
    subject,
    tenant,
    text,
    word,
)
from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.types import long_text, sealed_bytes

notification_channels = Table(
    "notification_channels",
    metadata,
    id_("channel", key=True),
    tenant(),
    text("name", required=True),
    word("kind", required=True),
    text("target", length=2048),
    document("settings"),
    Column("sealed", sealed_bytes(), nullable=True),
    document("topics", required=True),
    flag("enabled"),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
    UniqueConstraint("tenant", "channel"),
    UniqueConstraint("tenant", "name"),
)
"""`sealed`: its secret, if it has one; `topics`: which notifications it takes, a list."""

notifications = Table(
    "notifications",
    metadata,
    id_("notification_id", key=True, length=255),
    tenant(),
    word("topic", required=True),
    word("severity", required=True),
    account(required=False),
    text("title", required=True),
    Column("body", long_text(), nullable=True),
    moment("occurred_at", required=True),
    *place(required=False),
    id_("channel"),
    word("status", required=True),
    count("attempts", required=True),
    moment("sent_at"),
    text("last_error"),
    moment("read_at"),
    subject("read_by"),
    count("version", required=True),
    Index(None, "tenant", "occurred_at", "notification_id"),
    Index(None, "tenant", "account", "occurred_at", "notification_id"),
    Index(None, "tenant", "topic", "occurred_at", "notification_id"),
    Index(None, "tenant", "status", "occurred_at", "notification_id"),
    Index(None, "occurred_at"),
)
"""One for each channel that takes it; without a channel it is shown in the console only."""
