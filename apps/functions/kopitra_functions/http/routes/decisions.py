"""Why was I not copied? Every decision about every follower, searched, with its reason in words."""

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.explanations import explained
from kopitra_functions.http.reasons import explanation
from kopitra_functions.http.records import Records, list_route, page_type, plain, shown_type
from kopitra_functions.sql.tables import decisions, runs

DecisionRow = shown_type(
    "DecisionRow",
    decisions,
    "What one follower got of one intent. `explanation`: the reason in words; `reckoning`: how its "
    "volume came about; `detail`: the figures of this case; "
    "`leaderSymbol` and `leaderAction`: what the leader did.",
    more=(("leader_action", str | None), ("explanation", str | None), ("reckoning", str | None)),
)
_names: tuple[str, ...] = tuple(
    name for name in DecisionRow.__struct_fields__ if name not in ("explanation", "reckoning")
)
ITS_RUN = (runs.c.run_id == decisions.c.run_id) & (runs.c.tenant == decisions.c.tenant)
ROWS = select(decisions, runs.c.action.label("leader_action")).select_from(decisions.outerjoin(runs, ITS_RUN))


def view(row: RowMapping) -> Any:
    told = (explanation(row["outcome"], row["reason"]), _reckoning(row["arithmetic"]))
    return DecisionRow(*(plain(row[name]) for name in _names), *told)


def _reckoning(arithmetic: Any) -> str | None:
    """None also for what another release wrote and this one cannot read."""
    if arithmetic is None:
        return None
    try:
        return explained(msgspec.convert(arithmetic, Arithmetic, strict=False))
    except msgspec.ValidationError:
        return None


DECISIONS = Records(
    name="decisions",
    summary="Why each follower got what it got, newest first; with an outcome or a reason: why it got nothing.",
    table=decisions,
    order=(
        decisions.c.occurred_at,
        decisions.c.journal_id,
        decisions.c.shard,
        decisions.c.sequence,
        decisions.c.ordinal,
    ),
    kind=DecisionRow,
    page=page_type("DecisionPage", DecisionRow),
    filters={
        "follower": (decisions.c.follower, "Only about this follower."),
        "leader": (decisions.c.leader, "Only about this leader's intents."),
        "subscription": (decisions.c.subscription, "Only about this subscription."),
        "outcome": (decisions.c.outcome, "Only with this outcome."),
        "reason": (decisions.c.reason, "Only for this reason."),
    },
    narrowed={
        "run": (decisions.c.run_id, "Only of this run."),
        "copy": (decisions.c.copy_id, "Only about this copy."),
        "cause": (decisions.c.cause, "Only with this cause."),
    },
    either={
        "symbol": (
            (decisions.c.leader_symbol, decisions.c.symbol),
            "Only of this symbol, as the leader or the follower names it.",
        )
    },
    rows=ROWS,
    view=view,
)
ROUTES = (list_route(DECISIONS),)
