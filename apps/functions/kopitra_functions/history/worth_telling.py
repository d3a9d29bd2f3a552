"""Which events a person should hear of, and in which words."""

from collections.abc import Callable
from typing import Any

from kopitra_functions.history.told import Told
from kopitra_functions.timers.findings import Finding, Severity

Words = tuple[Severity, str, str]
"""How grave, a title, and what happened."""


def _incident(body: Any) -> Words:
    return "critical", f"Incident: {body.kind}", body.detail


def _incident_over(body: Any) -> Words:
    return "info", "An incident is over", f"{body.incident}: {body.cause}"


def _halted(body: Any) -> Words:
    whom = f"{body.scope} {body.target}".strip()
    return "critical", f"Trading halted: {whom}", f"{body.mode} by {body.subject} {body.reason}".strip()


def _resumed(body: Any) -> Words:
    whom = f"{body.scope} {body.target}".strip()
    return "info", f"Trading resumed: {whom}", f"by {body.subject}"


def _guard(body: Any) -> Words:
    told = f"{body.measured} {body.currency} against a limit of {body.limit}"
    return "critical", f"A guard was hit: {body.guard.name}", f"{body.scope} {body.target}: {told}"


def _guard_over(body: Any) -> Words:
    return "info", f"A guard was reset: {body.name}", f"{body.scope} {body.target}: {body.cause}"


def _silent(body: Any) -> Words:
    return (
        "warning",
        "A leader is silent",
        f"{body.account}: no sign of its EA since {body.since.isoformat()}",
    )


def _heard(body: Any) -> Words:
    return "info", "A silent leader is back", str(body.account)


def _proposed(body: Any) -> Words:
    return "warning", "A correction waits for a decision", f"{body.account}: {body.proposal.cause}"


def _stale(body: Any) -> Words:
    return "warning", "A late publication was ignored", f"{body.scope}: revision {body.revision}"


WORTH_TELLING: dict[str, Callable[[Any], Words]] = {
    "incident.opened": _incident,
    "incident.closed": _incident_over,
    "trading.halted": _halted,
    "trading.resumed": _resumed,
    "guard.hit": _guard,
    "guard.reset": _guard_over,
    "leader.silent": _silent,
    "leader.heard": _heard,
    "correction.proposed": _proposed,
    "config.stale": _stale,
}
"""By message type, which is also the topic."""


def finding_of(told: Told, body: Any) -> Finding | None:
    """None for what is nobody's business right now."""
    words = WORTH_TELLING.get(told.message_type)
    if words is None or body is None:
        return None
    severity, title, detail = words(body)
    return Finding(
        notification=f"{told.message_id}:{told.message_type}",
        kind=told.message_type,
        severity=severity,
        title=title,
        detail=detail,
        account=told.account,
    )
