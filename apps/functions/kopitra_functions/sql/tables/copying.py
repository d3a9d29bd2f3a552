"""Who copies whom, by which settings: what is published to the counterparty."""

from sqlalchemy import Index, Table, UniqueConstraint

from kopitra_functions.sql.columns import (
    account,
    belongs,
    count,
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

copy_groups = Table(
    "copy_groups",
    metadata,
    id_("copy_group", key=True),
    tenant(),
    text("name", required=True),
    flag("enabled"),
    flag("copies_of_copies"),
    whole("revision", required=True),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
    UniqueConstraint("tenant", "copy_group"),
    UniqueConstraint("tenant", "name"),
)

group_leaders = Table(
    "group_leaders",
    metadata,
    id_("copy_group", key=True),
    account("leader", key=True),
    tenant(),
    count("position", required=True),
    belongs(("tenant", "copy_group"), "copy_groups", ("tenant", "copy_group")),
    belongs(("tenant", "leader"), "accounts", ("tenant", "account")),
    Index(None, "tenant", "copy_group", "position"),
    Index(None, "tenant", "leader", "copy_group"),
)
"""`position`: the order in which they were named."""

strategies = Table(
    "strategies",
    metadata,
    id_("strategy", key=True),
    tenant(),
    text("name", required=True),
    text("description"),
    account("leader", required=False),
    document("settings", required=True),
    flag("enabled"),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
    belongs(("tenant", "leader"), "accounts", ("tenant", "account")),
    UniqueConstraint("tenant", "strategy"),
    UniqueConstraint("tenant", "name"),
    Index(None, "tenant", "leader"),
)
"""Settings under a name, ready for new subscriptions; of one leader's trades, or of anybody's."""

subscriptions = Table(
    "subscriptions",
    metadata,
    id_("subscription", key=True),
    tenant(),
    id_("copy_group", required=True),
    account("follower"),
    id_("strategy"),
    flag("enabled"),
    document("rules", required=True),
    whole("revision", required=True),
    *edited(),
    belongs(("tenant", "copy_group"), "copy_groups", ("tenant", "copy_group")),
    belongs(("tenant", "follower"), "accounts", ("tenant", "account")),
    belongs(("tenant", "strategy"), "strategies", ("tenant", "strategy")),
    UniqueConstraint("tenant", "subscription"),
    Index(None, "tenant", "copy_group", "subscription"),
    Index(None, "tenant", "follower", "subscription"),
    Index(None, "tenant", "strategy", "subscription"),
)
"""`rules`: its own layer of settings."""

subscription_versions = Table(
    "subscription_versions",
    metadata,
    id_("subscription", key=True),
    count("version", key=True),
    tenant(),
    id_("copy_group", required=True),
    account("follower"),
    id_("strategy"),
    flag("enabled"),
    document("rules", required=True),
    whole("revision", required=True),
    moment("changed_at", required=True),
    subject("changed_by", required=True),
    id_("request_id"),
    Index(None, "tenant", "subscription", "version"),
)
"""Every version that there was; they outlive the subscription."""

settings_layers = Table(
    "settings_layers",
    metadata,
    tenant(key=True),
    word("scope", key=True),
    id_("target", key=True),
    document("settings", required=True),
    document("guards", required=True),
    whole("revision", required=True),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
)
"""`target` is empty for the platform, else the group's or follower's id."""
