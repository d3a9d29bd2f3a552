"""Trading accounts: at which broker, what they may do, how their EAs come in."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from kopitra_functions.sql.columns import (
    account,
    belongs,
    document,
    edited,
    flag,
    id_,
    moment,
    subject,
    tenant,
    text,
    whole,
    word,
)
from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.types import WORD_LENGTH, sealed_bytes

brokers = Table(
    "brokers",
    metadata,
    id_("broker", key=True),
    tenant(),
    text("name", required=True),
    word("platform"),
    document("servers"),
    document("details"),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
    UniqueConstraint("tenant", "broker"),
    UniqueConstraint("tenant", "name"),
)
"""`servers`: names of its trade servers, a list."""

accounts = Table(
    "accounts",
    metadata,
    account(key=True),
    tenant(),
    text("label", required=True),
    id_("broker"),
    word("platform"),
    whole("login"),
    text("server"),
    word("currency"),
    word("margin_mode"),
    flag("enabled"),
    flag("requires_approval"),
    document("revoked_devices"),
    whole("revision", required=True),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
    belongs(("tenant", "broker"), "brokers", ("tenant", "broker")),
    UniqueConstraint("tenant", "account"),
    Index(None, "tenant", "broker", "account"),
    Index(None, "tenant", "label", "account"),
    Index(None, "tenant", "login"),
)
"""`revision`: of what was last handed to the counterparty."""

broker_credentials = Table(
    "broker_credentials",
    metadata,
    account(key=True),
    tenant(),
    whole("login", required=True),
    text("server", required=True),
    Column("sealed", sealed_bytes(), nullable=False),
    text("wrapped_by"),
    *edited(),
    belongs(("tenant", "account"), "accounts", ("tenant", "account")),
    Index(None, "tenant", "account"),
    Index(None, "wrapped_by", "account"),
)
"""`sealed`: the password by `credentials`; `wrapped_by`: the key's name, so that a rotation finds what is left."""

entitlements = Table(
    "entitlements",
    metadata,
    account(key=True),
    word("capability", key=True),
    tenant(),
    document("limits"),
    moment("valid_from"),
    moment("valid_until"),
    *edited(),
    belongs(("tenant", "account"), "accounts", ("tenant", "account")),
    Index(None, "tenant", "account", "capability"),
    Index(None, "tenant", "capability", "account"),
    Index(None, "valid_until"),
)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    id_("code_id", key=True),
    tenant(),
    account(),
    id_("code_hash", required=True, length=WORD_LENGTH),
    word("status", required=True),
    moment("issued_at", required=True),
    subject("issued_by", required=True),
    moment("expires_at", required=True),
    moment("used_at"),
    id_("device"),
    *edited(),
    belongs(("tenant", "account"), "accounts", ("tenant", "account")),
    UniqueConstraint("code_hash"),
    Index(None, "tenant", "issued_at", "code_id"),
    Index(None, "tenant", "account", "issued_at", "code_id"),
    Index(None, "status", "expires_at"),
)
"""`code_hash`: SHA-256, hex; the code itself is shown once and kept nowhere."""
