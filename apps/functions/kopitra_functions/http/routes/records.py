"""What was recorded of copying: runs, decisions, orders, executions, trades, incidents, events and who did what."""

from kopitra_functions.http.records import Records, list_route, page_type, shown_type
from kopitra_functions.sql.tables import (
    audit,
    events,
    executions,
    incidents,
    orders,
    runs,
    sessions_log,
    trades,
)

RunRow = shown_type(
    "RunRow", runs, "One intent of a leader, and how many followers it was planned or skipped for."
)
OrderRow = shown_type("OrderRow", orders, "One command to one follower, and what became of it.")
ExecutionRow = shown_type(
    "ExecutionRow", executions, "One deal of a broker. `slippage` is positive where it cost."
)
TradeRow = shown_type("TradeRow", trades, "The life of one copy. Volumes and profit are sums over its deals.")
IncidentRow = shown_type(
    "IncidentRow", incidents, "Something that was wrong with an account, and until when."
)
EventRow = shown_type("EventRow", events, "One event of a counterparty's journal.")
AuditRow = shown_type("AuditRow", audit, "Who did what; `source` says where: here, or at a counterparty.")
SessionRow = shown_type("SessionRow", sessions_log, "One session of an EA, from its opening to its end.")

RUNS = Records(
    name="runs",
    summary="Intents of leaders, newest first.",
    table=runs,
    order=(runs.c.started_at, runs.c.run_id),
    kind=RunRow,
    page=page_type("RunPage", RunRow),
    filters={
        "leader": (runs.c.leader, "Only this leader's."),
        "symbol": (runs.c.symbol, "Only of this symbol, as the leader names it."),
    },
    narrowed={"positionRef": (runs.c.position_ref, "Only about this position of the leader.")},
)
ORDERS = Records(
    name="orders",
    summary="Orders to followers, newest first.",
    table=orders,
    order=(orders.c.created_at, orders.c.command_id),
    kind=OrderRow,
    page=page_type("OrderPage", OrderRow),
    filters={
        "account": (orders.c.account, "Only this follower's."),
        "status": (orders.c.status, "Only in this state."),
        "symbol": (orders.c.symbol, "Only of this symbol, as the follower names it."),
        "subscription": (orders.c.subscription, "Only of this subscription."),
    },
    narrowed={
        "run": (orders.c.run_id, "Only of this run."),
        "copy": (orders.c.copy_id, "Only of this copy."),
        "action": (orders.c.action, "Only with this action."),
    },
)
EXECUTIONS = Records(
    name="executions",
    summary="Deals of brokers, newest first.",
    table=executions,
    order=(executions.c.occurred_at, executions.c.journal_id, executions.c.shard, executions.c.sequence),
    kind=ExecutionRow,
    page=page_type("ExecutionPage", ExecutionRow),
    filters={
        "account": (executions.c.account, "Only this account's."),
        "symbol": (executions.c.symbol, "Only of this symbol, as the account names it."),
        "status": (executions.c.status, "Only with this outcome."),
        "copy": (executions.c.copy_id, "Only of this copy."),
    },
    narrowed={
        "run": (executions.c.run_id, "Only of this run."),
        "order": (executions.c.command_id, "Only of this order."),
    },
)
TRADES = Records(
    name="trades",
    summary="Copies from their opening to their end, newest first.",
    table=trades,
    order=(trades.c.planned_at, trades.c.copy_id),
    kind=TradeRow,
    page=page_type("TradePage", TradeRow),
    filters={
        "follower": (trades.c.follower, "Only this follower's."),
        "leader": (trades.c.leader, "Only of this leader."),
        "subscription": (trades.c.subscription, "Only of this subscription."),
        "symbol": (trades.c.symbol, "Only of this symbol, as the follower names it."),
        "status": (trades.c.status, "Only in this state."),
    },
    narrowed={
        "positionRef": (trades.c.position_ref, "Only of this position of the leader."),
        "run": (trades.c.run_id, "Only that this run opened."),
    },
)
INCIDENTS = Records(
    name="incidents",
    summary="What was wrong with accounts, newest first.",
    table=incidents,
    order=(incidents.c.opened_at, incidents.c.incident),
    kind=IncidentRow,
    page=page_type("IncidentPage", IncidentRow),
    filters={
        "account": (incidents.c.account, "Only this account's."),
        "status": (incidents.c.status, "Only open or closed ones."),
        "kind": (incidents.c.kind, "Only of this kind."),
    },
    choices={"status": ("open", "closed")},
)
EVENTS = Records(
    name="events",
    summary="Events of counterparties' journals, newest first.",
    table=events,
    order=(events.c.occurred_at, events.c.journal_id, events.c.shard, events.c.sequence),
    kind=EventRow,
    page=page_type("EventPage", EventRow),
    filters={
        "account": (events.c.account, "Only of this account."),
        "messageType": (events.c.message_type, "Only of this type."),
        "run": (events.c.run_id, "Only of this run."),
    },
    narrowed={"requestId": (events.c.request_id, "Only what this request has caused.")},
)
AUDIT = Records(
    name="audit",
    summary="Who did what, newest first.",
    table=audit,
    order=(audit.c.occurred_at, audit.c.entry_id),
    kind=AuditRow,
    page=page_type("AuditPage", AuditRow),
    filters={
        "actor": (audit.c.actor, "Only what this operator or service did."),
        "account": (audit.c.account, "Only to this account."),
        "action": (audit.c.action, "Only this action."),
    },
    narrowed={
        "source": (audit.c.source, "Only what was done here, or at a counterparty."),
        "targetKind": (audit.c.target_kind, "Only to things of this kind."),
        "target": (audit.c.target, "Only to this thing."),
        "requestId": (audit.c.request_id, "Only what this request did."),
    },
    choices={"source": ("management", "journal")},
)
SESSIONS_LOG = Records(
    name="session-log",
    summary="Sessions of EAs, the ended ones too, newest first.",
    table=sessions_log,
    order=(sessions_log.c.opened_at, sessions_log.c.session_id),
    kind=SessionRow,
    page=page_type("SessionPage", SessionRow),
    filters={
        "account": (sessions_log.c.account, "Only this account's."),
        "status": (sessions_log.c.status, "Only in this state."),
    },
)
LISTS = (RUNS, ORDERS, EXECUTIONS, TRADES, INCIDENTS, EVENTS, AUDIT, SESSIONS_LOG)
ROUTES = tuple(list_route(records) for records in LISTS)
