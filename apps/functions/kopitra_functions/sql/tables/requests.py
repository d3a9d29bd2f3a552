"""What operators asked for: commands on their way out, answers kept for repeats, and who did what."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from kopitra_functions.sql.columns import (
    account,
    count,
    document,
    id_,
    moment,
    place,
    subject,
    tenant,
    text,
    whole,
    word,
)
from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.types import long_text

IDEMPOTENCY_KEY_LENGTH = 255

pending_commands = Table(
    "pending_commands",
    metadata,
    Column(
        "ordinal",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    tenant(),
    id_("message_id", required=True),
    word("command_type", required=True),
    word("scope", required=True),
    id_("target", required=True),
    whole("revision", required=True),
    Column("body", long_text(), nullable=False),
    id_("request_id"),
    subject("actor"),
    moment("created_at", required=True),
    moment("sent_at"),
    count("attempts", required=True),
    text("last_error"),
    UniqueConstraint("message_id"),
    Index(None, "sent_at", "ordinal"),
    Index(None, "tenant", "scope", "target", "ordinal"),
)
"""Written in the transaction of the change it tells of, sent after it in the order of `ordinal`; `body`: the
operation as JSON, `scope` and `target`: what its revision counts for."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    tenant(key=True),
    subject("subject", key=True),
    id_("idempotency_key", key=True, length=IDEMPOTENCY_KEY_LENGTH),
    word("method", required=True),
    text("path", required=True),
    word("fingerprint", required=True),
    count("status"),
    document("headers"),
    Column("answer", long_text(), nullable=True),
    moment("created_at", required=True),
    moment("expires_at", required=True),
    # Longer than the 900 bytes that SQL Server clusters by.
    PrimaryKeyConstraint("tenant", "subject", "idempotency_key", mssql_clustered=False),
    Index(None, "expires_at"),
)
"""`fingerprint`: SHA-256, hex, of the request; another request under the same key is refused."""

audit = Table(
    "audit",
    metadata,
    id_("entry_id", key=True, length=255),
    tenant(),
    word("source", required=True),
    moment("occurred_at", required=True),
    subject("actor", required=True),
    word("action", required=True),
    word("target_kind"),
    id_("target"),
    account(required=False),
    id_("request_id"),
    *place(required=False),
    word("outcome"),
    document("detail"),
    Index(None, "tenant", "occurred_at", "entry_id"),
    Index(None, "tenant", "actor", "occurred_at", "entry_id"),
    Index(None, "tenant", "account", "occurred_at", "entry_id"),
    Index(None, "tenant", "action", "occurred_at", "entry_id"),
    Index(None, "tenant", "target_kind", "target", "occurred_at", "entry_id"),
    Index(None, "tenant", "request_id"),
)
"""`source`: `management` for what was done here (`entry_id` minted), `journal` for what a counterparty recorded
(`entry_id` is journal:shard:sequence)."""
