"""History in SQL is compared with the journal row by row and value by value, and what differs is named."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    JournalId,
    PositionRef,
    RunId,
    SignalId,
    SubscriptionId,
)
from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.trading import (
    AckStatus,
    Execution,
    ExecutionStatus,
    LeaderFigures,
    Order,
    OrderAction,
    Signal,
    SignalAction,
)
from kopitra.machine.events import (
    AnyEvent,
    CommandAcknowledged,
    ConsumerCheckpointed,
    CopyDecision,
    CopyPlanned,
    ExecutionRecorded,
    Outcome,
    Recorded,
)
from kopitra_cli.demo.history_check import check_history
from kopitra_cli.demo.history_facts import AnyOf, History, history_of

D = Decimal
AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
JOURNAL = JournalId("j")
FOLLOWER = AccountId("fixed")
COMMAND, COPY = CommandId("c1"), CopyId("copy-1")
ORDER = Order(
    command_id=COMMAND,
    copy_id=COPY,
    action=OrderAction.OPEN,
    symbol="EURUSD",
    side=Side.BUY,
    order_type=OrderType.MARKET,
    volume=D("0.05"),
    magic=7,
)
SIGNAL = Signal(
    signal_id=SignalId("s"),
    action=SignalAction.OPEN,
    position_ref=PositionRef("p"),
    symbol="EURUSD",
    side=Side.BUY,
    volume=D("0.1"),
    volume_after=D("0.1"),
    account=LeaderFigures(balance=D(10_000), currency="USD"),
    occurred_at=AT,
    stream_id="stream",
    ordinal=1,
)
PLANNED = CopyPlanned(
    account=AccountId("leader"),
    run=RunId("r"),
    signal=SIGNAL,
    age_ms=0,
    decisions=(
        CopyDecision(
            subscription=SubscriptionId("one"),
            follower=FOLLOWER,
            outcome=Outcome.PLANNED,
            copy_id=COPY,
            order=ORDER,
        ),
        CopyDecision(
            subscription=SubscriptionId("two"),
            follower=AccountId("small"),
            outcome=Outcome.SKIPPED,
            reason="below_minimum",
        ),
    ),
)


def deal(
    number: int, entry: DealEntry, volume: str, profit: str | None, *, repeated: bool = False
) -> AnyEvent:
    execution = Execution(
        deal_id=number,
        command_id=COMMAND,
        symbol="EURUSD",
        side=Side.BUY,
        entry=entry,
        reason=DealReason.EXPERT,
        status=ExecutionStatus.FILLED,
        executed_at=AT,
        fill_volume=D(volume),
        fill_price=D("1.1"),
        profit=D(profit) if profit is not None else None,
    )
    return ExecutionRecorded(
        account=FOLLOWER, execution=execution, key=f"d{number}", copy_id=COPY, repeated=repeated
    )


def journal(*events: AnyEvent) -> History:
    recorded = (
        Recorded(number, number, AT + timedelta(seconds=number), event)
        for number, event in enumerate(events, start=1)
    )
    return history_of(JOURNAL, "main", recorded)


class Sql:
    """Rows as SQLite gives them: what the journal says, in text, but for what a test changes."""

    def __init__(self, history: History) -> None:
        self.tables = {
            name: [key + tuple(map(_kept, fields.values())) for key, fields in rows.items()]
            for name, rows in history.tables.items()
        }

    def of(self, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        return self.tables[table]


def _kept(value: Any) -> Any:
    match value:
        case AnyOf():
            return value.values[0]
        case Decimal():
            return str(value)
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        case dict():
            return msgspec.json.encode(value).decode()
        case _:
            return value


WHOLE = (
    PLANNED,
    CommandAcknowledged(account=FOLLOWER, command=COMMAND, status=AckStatus.RECEIVED, retires=False),
    CommandAcknowledged(account=FOLLOWER, command=COMMAND, status=AckStatus.EXECUTED, retires=True),
    deal(1, DealEntry.IN, "0.05", None),
    deal(2, DealEntry.OUT, "0.02", "1.5"),
    deal(3, DealEntry.OUT, "0.03", "-0.25"),
    deal(4, DealEntry.OUT, "0.03", "-0.25", repeated=True),
)


def test_a_copys_deals_are_summed_and_repetitions_count_once() -> None:
    trade = journal(*WHOLE).tables["trades"][COPY,]
    assert (trade["deals"], trade["opened_volume"], trade["closed_volume"], trade["profit"]) == (
        3,
        D("0.05"),
        D("0.05"),
        D("1.25"),
    )


def test_a_command_is_what_was_last_said_of_it_for_good() -> None:
    late = CommandAcknowledged(account=FOLLOWER, command=COMMAND, status=AckStatus.RECEIVED, retires=False)
    assert journal(*WHOLE, late).tables["orders"][COMMAND,]["status"] == "executed"
    assert str(journal(PLANNED).tables["orders"][COMMAND,]["status"]) == "queued or withdrawn"


def test_what_nobody_else_is_told_of_is_no_part_of_history() -> None:
    mark = ConsumerCheckpointed(consumer="history", sequence=1)
    history = journal(PLANNED, mark)
    assert history.last == 1
    assert len(history.tables["events"]) == 1


def test_equal_histories_agree_however_amounts_are_written() -> None:
    history = journal(*WHOLE)
    sql = Sql(history)
    sql.tables["trades"] = [tuple("1.250" if cell == "1.25" else cell for cell in sql.tables["trades"][0])]
    report = check_history(history, sql)
    assert report.complaints == ()
    assert report.counts == {
        "events": 7, "runs": 1, "decisions": 2, "orders": 1, "executions": 4, "trades": 1,
    }  # fmt: skip


def test_every_sort_of_difference_is_named_by_its_row() -> None:
    history = journal(*WHOLE)
    sql = Sql(history)
    decisions, executions, orders = (sql.tables[name] for name in ("decisions", "executions", "orders"))
    del decisions[1]
    executions.append((JOURNAL, "main", 99, *executions[0][3:]))
    orders[:] = [tuple("failed" if cell == "executed" else cell for cell in orders[0])] * 2
    complaints = check_history(history, sql).complaints
    assert complaints[0].startswith("history, decisions 1:1 is missing: follower small, subscription two")
    assert "history, orders c1 is there 2 times" in complaints
    assert "history, orders c1: status is failed in SQL, executed in the journal" in complaints
    assert any(told.startswith("history, executions 99 is in no journal") for told in complaints)
