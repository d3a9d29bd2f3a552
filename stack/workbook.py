"""The workbook as a document: one page that says how copying is doing, in the order in which one would ask."""

import json
from collections.abc import Mapping
from typing import Any

from stack.alarms import rows_of
from stack.observed import (
    CLOSES_REFUSED,
    COPIES_PLANNED,
    DRAIN_ROWS,
    EA_SESSIONS,
    FENCE_LOST,
    INGESTION,
    INGESTION_P95,
    OUTBOX_PENDING,
    RECONCILIATION,
    REQUESTS,
    Told,
)

VERSION = "Notebook/1.0"
TEXT, QUERY = 1, 3
"""Kinds of items."""
DAY = 86_400_000
"""Milliseconds; what a chart shows unless its reader chooses otherwise."""
WORKSPACE = "microsoft.operationalinsights/workspaces"


def workbook(*, title: str) -> str:
    """Its JSON; the same for the same title."""
    items = [
        _text(f"# {title}\nThe figures are explained in docs/telemetry.md; what to do is in docs/runbooks."),
        _chart(
            "Signals: how long a leader's request takes (ms)", _line(INGESTION, "Sum / ItemCount", "mean")
        ),
        _chart("Signals: 19 of 20 took at most (ms)", _line(INGESTION_P95, "Max", "p95")),
        _chart("EAs by what is heard of them", _split(EA_SESSIONS, "max")),
        _chart("Copies by outcome", _split(COPIES_PLANNED, "sum")),
        _chart("Events that EAs have not acknowledged yet", _line(OUTBOX_PENDING, "Max", "pending")),
        _chart("Closes that were not carried out", _line(CLOSES_REFUSED, "Sum", "closes")),
        _chart("Books that were compared, by outcome", _split(RECONCILIATION, "sum")),
        _chart("The writer lost its place", _split(FENCE_LOST, "sum")),
        _chart("Requests by class of status", _split(REQUESTS, "sum")),
        _chart("History written to SQL, by outcome", _split(DRAIN_ROWS, "sum")),
    ]
    return json.dumps({"version": VERSION, "items": items, "isLocked": False}, sort_keys=True)


def _line(told: Told, value: str, name: str) -> str:
    """One figure over time; its dimension, if it has one, is added up."""
    measure = {"Sum": "sum(Sum)", "Max": "max(Max)"}.get(value, "sum(Sum) / sum(ItemCount)")
    return f"{rows_of(told)}\n| summarize {name} = {measure} by bin(TimeGenerated, 5m)"


def _split(told: Told, how: str) -> str:
    """One figure over time for each value of its dimension."""
    return (
        f"{rows_of(told)}\n"
        f"| extend {told.dimension} = tostring(Properties['{told.dimension}'])\n"
        f"| summarize {how}(Sum) by bin(TimeGenerated, 5m), {told.dimension}"
    )


def _text(markdown: str) -> Mapping[str, Any]:
    return {"type": TEXT, "content": {"json": markdown}, "name": "title"}


def _chart(title: str, query: str) -> Mapping[str, Any]:
    return {
        "type": QUERY,
        "name": title,
        "content": {
            "version": "KqlItem/1.0",
            "title": title,
            "query": query,
            "size": 0,
            "queryType": 0,
            "resourceType": WORKSPACE,
            "timeContext": {"durationMs": DAY},
            "visualization": "timechart",
        },
    }
