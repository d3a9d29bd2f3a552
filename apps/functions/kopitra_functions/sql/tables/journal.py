"""What counterparties told: their events, and the runs and decisions in them."""

from sqlalchemy import Index, Table

from kopitra_functions.sql.columns import (
    account,
    amount,
    count,
    document,
    flag,
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

IN_ORDER = ("occurred_at", "journal_id", "shard", "sequence")
"""By time, and by identity where several happened in one millisecond."""

events = Table(
    "events",
    metadata,
    *place(key=True),
    whole("last_sequence", required=True),
    whole("previous_sequence"),
    tenant(),
    account(required=False),
    word("message_type", required=True),
    moment("occurred_at", required=True),
    id_("run_id"),
    id_("request_id"),
    subject("actor"),
    document("payload", required=True),
    Index(None, "tenant", *IN_ORDER),
    Index(None, "tenant", "account", *IN_ORDER),
    Index(None, "tenant", "message_type", *IN_ORDER),
    Index(None, "tenant", "run_id", *IN_ORDER),
    Index(None, "tenant", "request_id"),
    Index(None, "occurred_at"),
)
"""`payload`: as published, or `{"blob": name}`; `previous_sequence`: the last one of the message before in its journal,
by which a gap shows (decision 0170)."""

runs = Table(
    "runs",
    metadata,
    id_("run_id", key=True),
    tenant(),
    account("leader", required=False),
    *place(required=False),
    moment("started_at"),
    moment("intended_at"),
    moment("last_event_at"),
    word("cause"),
    id_("signal_id"),
    word("action"),
    id_("position_ref"),
    word("symbol"),
    word("side"),
    amount("volume"),
    amount("price"),
    whole("age_ms"),
    flag("sandbox", required=False),
    flag("healed", required=False),
    count("followers"),
    count("planned"),
    count("skipped"),
    Index(None, "tenant", "started_at", "run_id"),
    Index(None, "tenant", "leader", "started_at", "run_id"),
    Index(None, "tenant", "symbol", "started_at", "run_id"),
    Index(None, "tenant", "leader", "position_ref"),
)
"""One leader event and what followed. `started_at`: when it was recorded, missing while only something of what followed
is known; `intended_at`: when it happened at the leader."""

decisions = Table(
    "decisions",
    metadata,
    *place(key=True),
    count("ordinal", key=True),
    tenant(),
    moment("occurred_at", required=True),
    id_("run_id"),
    id_("subscription"),
    account("leader", required=False),
    account("follower"),
    id_("position_ref"),
    word("leader_symbol"),
    word("cause", required=True),
    word("outcome", required=True),
    word("reason"),
    text("detail"),
    id_("copy_id"),
    id_("command_id"),
    word("symbol"),
    word("side"),
    amount("volume"),
    whole("rules_revision"),
    whole("rules_version"),
    document("notes"),
    document("arithmetic"),
    Index(None, "tenant", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "follower", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "leader", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "subscription", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "outcome", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "reason", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "symbol", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "leader_symbol", *IN_ORDER, "ordinal"),
    Index(None, "tenant", "run_id"),
    Index(None, "tenant", "copy_id"),
)
"""Why each follower got what it got; `ordinal` counts within the event. `symbol`: the follower's, where there is an
order; `leader_symbol`: the leader's, also where nothing was copied."""

checkpoints = Table(
    "checkpoints",
    metadata,
    word("consumer", key=True),
    *(column for column in place(key=True)[:2]),
    whole("sequence", required=True),
    tenant(),
    moment("updated_at", required=True),
)
"""Everything up to `sequence` has been taken in; written in the transaction that took it in. `tenant` is `*`."""
