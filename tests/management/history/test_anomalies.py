"""What looks wrong is said once, when it begins to."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from kopitra.domain.identifiers import AccountId, CommandId
from kopitra.domain.orders import DealEntry, Side
from kopitra.domain.trading import AckStatus, Execution, ExecutionStatus, SignalAction
from kopitra.machine.events import AnyEvent, CommandAcknowledged, ExecutionRecorded, Recorded
from kopitra.protocol.event_messages import payload_of
from kopitra_functions.history.anomalies import (
    ORDERS_IN_WINDOW,
    REFUSALS_IN_WINDOW,
    SLIPPAGE_DEALS,
    Seen,
    anomalies,
)
from kopitra_functions.history.recent import Recent
from kopitra_functions.history.told import decode, payload
from tests.management.history.test_spool import told
from tests.unit.copying.world import START, World


def seen(
    kind: Literal["order", "refusal", "slippage"], second: float = 0, account: str = "a", **more: Any
) -> Seen:
    at = START + timedelta(seconds=second)
    return Seen(at=at, account=account, kind=kind, message_id=f"m-{second}", **more)


def slip(points: str, second: float = 0, symbol: str = "EURUSD") -> Seen:
    return seen("slippage", second, symbol=symbol, slippage=Decimal(points), price=Decimal("1.10000"))


def kinds(recent: list[Seen], now: Seen) -> list[str]:
    return [finding.kind for finding in anomalies(recent, now)]


def test_a_burst_of_orders_is_said_at_the_order_that_makes_it_one() -> None:
    before = [seen("order", number) for number in range(ORDERS_IN_WINDOW - 1)]
    assert kinds(before, seen("order", 30)) == ["anomaly.order_rate_burst"]
    assert kinds(before[1:], seen("order", 30)) == []
    assert kinds([*before, seen("order", 30)], seen("order", 31)) == []
    assert kinds(before, seen("order", 300)) == []
    assert kinds(before, seen("order", 30, account="b")) == []


def test_refusals_are_counted_for_each_account() -> None:
    before = [seen("refusal", number * 60) for number in range(REFUSALS_IN_WINDOW - 1)]
    assert kinds(before, seen("refusal", 300)) == ["anomaly.repeated_refusals"]
    assert kinds(before, seen("refusal", 900)) == []
    assert kinds(before, seen("order", 300)) == []


def test_a_deal_far_off_is_held_against_what_is_usual_for_its_symbol() -> None:
    usual = [slip("0.00010", number) for number in range(SLIPPAGE_DEALS)]
    assert kinds(usual, slip("0.00200", 60)) == ["anomaly.slippage_outlier"]
    assert kinds(usual, slip("0.00040", 60)) == []
    assert kinds(usual, slip("-0.00200", 60)) == []
    assert kinds(usual[1:], slip("0.00200", 60)) == []
    assert kinds(usual, slip("0.00200", 60, symbol="GBPUSD")) == []


def deal(sequence: int, price: str, command: str) -> ExecutionRecorded:
    execution = Execution(
        status=ExecutionStatus.FILLED,
        symbol="EURUSD",
        side=Side.BUY,
        entry=DealEntry.IN,
        executed_at=START,
        command_id=CommandId(command),
        order_ticket=sequence,
        fill_volume=Decimal(1),
        fill_price=Decimal(price),
    )
    return ExecutionRecorded(account=AccountId("a"), execution=execution, key=f"d{sequence}")


def notice(recent: Recent, event: AnyEvent, sequence: int) -> list[str]:
    message = decode(told(event, sequence))
    return [
        finding.kind for finding in recent.notice(message, payload(message.message_type, message.payload))
    ]


def test_the_recent_past_is_made_of_what_was_told() -> None:
    recent, found = Recent(), list[str]()
    for number in range(1, 7):
        refused = CommandAcknowledged(
            account=AccountId("a"), command=CommandId(f"o-{number}"), status=AckStatus.REJECTED, retires=True
        )
        found += notice(recent, refused, number)
        assert notice(recent, refused, number) == [], "a redelivery is no second refusal"
    assert found == ["anomaly.repeated_refusals"]


def test_a_deal_is_held_against_the_price_that_its_order_was_made_at() -> None:
    world = World()
    follower = world.follower()
    recent, sequence, found = Recent(), 0, list[str]()
    for number in range(SLIPPAGE_DEALS + 1):
        world.send(SignalAction.OPEN, ref=f"p{number}")
        [*_, order] = world.fetch(follower)
        sequence += 1
        assert notice(recent, world.history[-1], sequence) == []
        sequence += 1
        price = "1.10010" if number < SLIPPAGE_DEALS else "1.10500"
        found += notice(recent, deal(sequence, price, order.command_id), sequence)
    assert found == ["anomaly.slippage_outlier"]


def test_a_message_without_an_account_is_nobodys_anomaly() -> None:
    recorded = Recorded(1, 1, START, World().history[-1])
    assert payload_of(recorded.event) is not None
    message = decode(told(recorded.event, 1))
    assert Recent().notice(message, None) == []
