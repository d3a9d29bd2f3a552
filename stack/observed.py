"""What alerts and the workbook look at: every metric, table, column and dimension that the stack names, once.

The stack knows no app, so the apps' names stand here again; a test compares them with the apps' own table and with
what a running platform tells.
"""

from dataclasses import dataclass

CUSTOM_NAMESPACE = "azure.applicationinsights"
"""Where Application Insights keeps what apps tell as metrics of their own. It keeps them there without dimensions:
what needs one is asked of the logs."""
TABLE = "AppMetrics"
"""The same in the workspace, dimensions included: a row for each minute, instance and combination of dimensions."""
COLUMNS = frozenset({"Name", "Sum", "ItemCount", "Min", "Max", "Properties", "AppRoleName", "TimeGenerated"})
"""Those of TABLE's that queries may use (learn.microsoft.com, "AppMetrics", read 2026-11)."""


@dataclass(frozen=True)
class Told:
    """A figure that an app tells. `values`: of its one dimension, those that the stack asks for."""

    name: str
    roles: tuple[str, ...]
    dimension: str | None = None
    values: tuple[str, ...] = ()


COUNTERPARTY_ROLE = "kopitra-counterparty"
FUNCTIONS_ROLE = "kopitra-functions"

INGESTION = Told("kopitra.signal.ingestion", (COUNTERPARTY_ROLE,))
INGESTION_P95 = Told("kopitra.signal.ingestion.p95", (COUNTERPARTY_ROLE,))
FENCE_LOST = Told("kopitra.fence.lost", (COUNTERPARTY_ROLE,), "reason", ("lost", "unverified"))
CLOSES_REFUSED = Told("kopitra.closes.refused", (COUNTERPARTY_ROLE,))
EA_SESSIONS = Told("kopitra.ea.sessions", (COUNTERPARTY_ROLE,), "status", ("live", "silent", "absent"))
RECONCILIATION = Told("kopitra.reconciliation", (COUNTERPARTY_ROLE,), "outcome", ("stopped", "failed"))
REQUESTS = Told("kopitra.requests", (COUNTERPARTY_ROLE, FUNCTIONS_ROLE), "status", ("5xx",))
COPIES_PLANNED = Told("kopitra.copies.planned", (COUNTERPARTY_ROLE,), "outcome")
OUTBOX_PENDING = Told("kopitra.outbox.pending", (COUNTERPARTY_ROLE,))
DRAIN_ROWS = Told("kopitra.drain.rows", (FUNCTIONS_ROLE,), "outcome")

OF_APPS = (
    INGESTION,
    INGESTION_P95,
    FENCE_LOST,
    CLOSES_REFUSED,
    EA_SESSIONS,
    RECONCILIATION,
    REQUESTS,
    COPIES_PLANNED,
    OUTBOX_PENDING,
    DRAIN_ROWS,
)


@dataclass(frozen=True)
class PlatformMetric:
    """A figure that Azure tells of a resource. `namespace`: the resource's type."""

    namespace: str
    name: str
    source: str


DEAD_LETTERED = PlatformMetric(
    "Microsoft.ServiceBus/namespaces",
    "DeadletteredMessages",
    'learn.microsoft.com, "Supported metrics for Microsoft.ServiceBus/Namespaces", read 2026-11',
)
SERVER_ERRORS = PlatformMetric(
    "Microsoft.Web/sites",
    "Http5xx",
    'learn.microsoft.com, "Supported metrics for Microsoft.Web/sites", read 2026-11',
)
HEALTH_CHECK = PlatformMetric(
    "Microsoft.Web/sites",
    "HealthCheckStatus",
    'learn.microsoft.com, "Supported metrics for Microsoft.Web/sites", read 2026-11',
)
OF_AZURE = (DEAD_LETTERED, SERVER_ERRORS, HEALTH_CHECK)
