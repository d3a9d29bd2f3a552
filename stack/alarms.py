"""When somebody is told, as data: rules over metrics where those will do, and over logs where a dimension matters.

A rule over one metric costs USD 0.10 a month however often it is looked at; one over logs costs USD 0.50 at every
15 minutes, 1.50 at every 5 (docs/decisions/0190).
"""

from dataclasses import dataclass
from typing import Literal

from stack import observed
from stack.observed import PlatformMetric, Told
from stack.settings import Settings

Target = Literal["insights", "bus", "counterparty"]
Operator = Literal["GreaterThan", "GreaterThanOrEqual", "LessThan"]
CRITICAL, ERROR, WARNING = 0, 1, 2
"""Azure's severities: 0 is the worst of five."""
EVERY_MINUTES = 1
"""More often costs nothing for metrics."""
WINDOW_MINUTES = 5
QUERY_WINDOWS = (5, 10, 15, 30, 45, 60, 120, 180, 240, 300, 360, 1440)
"""Minutes that a rule over logs may look back."""


@dataclass(frozen=True)
class MetricAlarm:
    """`aggregation` of the values within `window_minutes`, compared with `threshold`."""

    name: str
    says: str
    severity: int
    target: Target
    metric: Told | PlatformMetric
    aggregation: Literal["Average", "Maximum", "Total"]
    operator: Operator
    threshold: float
    window_minutes: int = WINDOW_MINUTES


@dataclass(frozen=True)
class LogAlarm:
    """`query` gives one row with `column`; no row means that all is well."""

    name: str
    says: str
    severity: int
    query: str
    column: str
    operator: Operator
    threshold: float
    every_minutes: int
    window_minutes: int


def metric_alarms(settings: Settings) -> tuple[MetricAlarm, ...]:
    limits = settings.alerts
    return (
        MetricAlarm(
            name="slow-ingestion",
            says=f"19 of 20 signals took more than {limits.ingestion_p95_ms} ms within the last five minutes.",
            severity=WARNING,
            target="insights",
            metric=observed.INGESTION_P95,
            aggregation="Maximum",
            operator="GreaterThan",
            threshold=limits.ingestion_p95_ms,
        ),
        MetricAlarm(
            name="fence-lost",
            says="The writer of the shard lost its place, or could not prove it: EAs were answered 503 meanwhile.",
            severity=ERROR,
            target="insights",
            metric=observed.FENCE_LOST,
            aggregation="Total",
            operator="GreaterThan",
            threshold=0,
        ),
        MetricAlarm(
            name="failed-closes",
            says=f"{limits.failed_closes} or more closes were not carried out; they are driven again.",
            severity=ERROR,
            target="insights",
            metric=observed.CLOSES_REFUSED,
            aggregation="Total",
            operator="GreaterThanOrEqual",
            threshold=limits.failed_closes,
        ),
        MetricAlarm(
            name="dead-letters",
            says="Messages were set aside and wait for an operator (runbook: queue draining).",
            severity=WARNING,
            target="bus",
            metric=observed.DEAD_LETTERED,
            aggregation="Maximum",
            operator="GreaterThan",
            threshold=0,
        ),
        MetricAlarm(
            name="server-errors",
            says=f"The counterparty answered {limits.server_errors} or more requests with 5xx within five minutes.",
            severity=WARNING,
            target="counterparty",
            metric=observed.SERVER_ERRORS,
            aggregation="Total",
            operator="GreaterThanOrEqual",
            threshold=limits.server_errors,
        ),
        MetricAlarm(
            name="counterparty-down",
            says="The counterparty does not answer its health check.",
            severity=CRITICAL,
            target="counterparty",
            metric=observed.HEALTH_CHECK,
            aggregation="Average",
            operator="LessThan",
            threshold=100,
        ),
    )


def log_alarms(settings: Settings) -> tuple[LogAlarm, ...]:
    limits = settings.alerts
    every = limits.log_minutes
    return (
        LogAlarm(
            name="ea-uptime",
            says=f"Less than {limits.ea_uptime_percent} % of the EAs' time was live (the rest silent or absent).",
            severity=WARNING,
            query=_uptime(),
            column="uptime",
            operator="LessThan",
            threshold=limits.ea_uptime_percent,
            every_minutes=every,
            window_minutes=_window(max(every, limits.silent_ea_minutes)),
        ),
        LogAlarm(
            name="reconciliation-failed",
            says="A comparison of books was stopped because too much would change, or corrections did not help.",
            severity=ERROR,
            query=_total(observed.RECONCILIATION, observed.COUNTERPARTY_ROLE),
            column="total",
            operator="GreaterThan",
            threshold=0,
            every_minutes=every,
            window_minutes=_window(every),
        ),
        LogAlarm(
            name="management-errors",
            says=f"The management side answered {limits.server_errors} or more requests with 5xx.",
            severity=WARNING,
            query=_total(observed.REQUESTS, observed.FUNCTIONS_ROLE),
            column="total",
            operator="GreaterThanOrEqual",
            threshold=limits.server_errors,
            every_minutes=every,
            window_minutes=_window(every),
        ),
    )


def _window(minutes: int) -> int:
    """The shortest that Azure allows and that misses nothing between two looks."""
    return min(window for window in QUERY_WINDOWS if window >= minutes)


def _uptime() -> str:
    told = observed.EA_SESSIONS
    live = told.values[0]
    return (
        f"{rows_of(told)}\n"
        f"| extend {told.dimension} = tostring(Properties['{told.dimension}'])\n"
        f"| summarize accounts = max(Sum) by minute = bin(TimeGenerated, 1m), {told.dimension}\n"
        f"| summarize up = sumif(accounts, {told.dimension} == '{live}'), expected = sum(accounts)\n"
        "| where expected > 0\n"
        "| project uptime = 100.0 * up / expected"
    )


def _total(told: Told, role: str) -> str:
    values = ", ".join(f"'{value}'" for value in told.values)
    return (
        f"{rows_of(told)}\n"
        f"| where AppRoleName == '{role}'\n"
        f"| where tostring(Properties['{told.dimension}']) in ({values})\n"
        "| summarize total = sum(Sum)\n"
        "| where total > 0"
    )


def rows_of(told: Told) -> str:
    return f"{observed.TABLE}\n| where Name == '{told.name}'"
