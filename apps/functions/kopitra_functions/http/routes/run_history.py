"""One run from history: the intent, every decision about it, and what became of each order. The counterparty's own
story of a run is at `/runs/{runId}/story`; this one needs no counterparty, and stays."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Select, select

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.records import message_type, view_of
from kopitra_functions.http.routes import decisions as decisions_list
from kopitra_functions.http.routes.records import ExecutionRow, OrderRow, RunRow
from kopitra_functions.http.rows import require
from kopitra_functions.sql.tables import decisions, executions, orders, runs

SHOWN_AT_MOST = 500
"""Of each kind; the lists with `run=` go on from there."""

RunHistory = message_type(
    "RunHistory",
    (
        ("run", RunRow),
        ("decisions", list[decisions_list.DecisionRow]),
        ("orders", list[OrderRow]),
        ("executions", list[ExecutionRow]),
        ("more", bool),
    ),
    "A run in order of time. `more`: there are more decisions, orders or deals than are shown.",
)
_views = (decisions_list.view, view_of(OrderRow), view_of(ExecutionRow))


def parts_of(tenant: str, run: str) -> tuple[Select[Any], ...]:
    """Decisions, orders and deals of a run, oldest first."""
    return (
        _part(decisions_list.ROWS, decisions.c, tenant, run, (decisions.c.sequence, decisions.c.ordinal)),
        _part(select(orders), orders.c, tenant, run, (orders.c.created_at, orders.c.command_id)),
        _part(select(executions), executions.c, tenant, run, (executions.c.sequence,)),
    )


def _part(
    rows: Select[Any], columns: Any, tenant: str, run: str, order: Sequence[Column[Any]]
) -> Select[Any]:
    wanted = rows.where(columns.tenant == tenant, columns.run_id == run)
    return wanted.order_by(*order).limit(SHOWN_AT_MOST + 1)


async def _get(call: Call) -> Reply:
    run_id = call.params["runId"]

    def work(connection: Connection) -> Any:
        run = require(connection, call, runs, run_id=run_id)
        parts = [connection.execute(part).mappings().all() for part in parts_of(run["tenant"], run_id)]
        more = any(len(rows) > SHOWN_AT_MOST for rows in parts)
        shown = [
            [view(row) for row in rows[:SHOWN_AT_MOST]] for view, rows in zip(_views, parts, strict=True)
        ]
        return RunHistory(view_of(RunRow)(run), *shown, more)

    return told(await call.read(work))


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/runs/{runId}",
            summary="What was recorded of a run: its intent, decisions, orders and deals.",
            role=Role.VIEWER,
            answers={200: (RunHistory,)},
        ),
        _get,
    ),
)
