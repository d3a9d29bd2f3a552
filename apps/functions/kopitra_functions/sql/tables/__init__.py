"""Every table. Names of ids are the core's; `tenant` is in each, and references never leave it."""

from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.tables.accounts import (
    accounts,
    broker_credentials,
    brokers,
    enrolment_codes,
    entitlements,
)
from kopitra_functions.sql.tables.copying import (
    copy_groups,
    group_leaders,
    settings_layers,
    strategies,
    subscription_versions,
    subscriptions,
)
from kopitra_functions.sql.tables.journal import checkpoints, decisions, events, runs
from kopitra_functions.sql.tables.notifying import notification_channels, notifications
from kopitra_functions.sql.tables.requests import audit, idempotency_keys, pending_commands
from kopitra_functions.sql.tables.series import rollups
from kopitra_functions.sql.tables.tasks import task_runs, tasks
from kopitra_functions.sql.tables.tenancy import tenants, user_roles, users
from kopitra_functions.sql.tables.trading import balance_operations, executions, orders, trades
from kopitra_functions.sql.tables.watching import (
    account_samples,
    account_states,
    incidents,
    latency_samples,
    sessions_log,
    symbol_specs,
)

__all__ = [
    "account_samples",
    "account_states",
    "accounts",
    "audit",
    "balance_operations",
    "broker_credentials",
    "brokers",
    "checkpoints",
    "copy_groups",
    "decisions",
    "enrolment_codes",
    "entitlements",
    "events",
    "executions",
    "group_leaders",
    "idempotency_keys",
    "incidents",
    "latency_samples",
    "metadata",
    "notification_channels",
    "notifications",
    "orders",
    "pending_commands",
    "rollups",
    "runs",
    "sessions_log",
    "settings_layers",
    "strategies",
    "subscription_versions",
    "subscriptions",
    "symbol_specs",
    "task_runs",
    "tasks",
    "tenants",
    "trades",
    "user_roles",
    "users",
]
