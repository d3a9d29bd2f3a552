"""Whatever is traded, in whatever order: the ledger explains the book, and the log gives the same bytes again."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.domain.orders import DealEntry, MarginMode, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.faults import FaultRates
from kopitra.simulation.broker.operations import (
    Balance,
    Operation,
    PlanFaults,
    Tick,
    decode_operation,
    encode_operation,
)
from kopitra.simulation.broker.profiles import MT4, MT5, BrokerProfile
from kopitra.simulation.broker.records import Deal, DealKind
from kopitra.simulation.broker.state import decode_state, encode_state
from tests.unit.broker.house import D, House, quoted_house, request

COSTLY = BrokerProfile(
    name="costly",
    commission_per_lot=D("3.33"),
    swap_long_per_lot=D("-1.17"),
    swap_short_per_lot=D("0.41"),
    latency_ms=(1, 40),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["buy", "sell", "close", "part", "stops", "quote", "limit", "stop", "cancel", "close_by", "night"]
        ),
        st.sampled_from(["EURUSD", "USDJPY"]),
        st.integers(1, 200),
        st.integers(0, 30),
    ),
    min_size=8,
    max_size=60,
)


def _price(symbol: str, move: int) -> Decimal:
    return (D("1.10000") if symbol == "EURUSD" else D(150)) * (1 + Decimal(move - 15) / 400)


def _quote(house: House, symbol: str, move: int) -> None:
    point = house.broker.state.symbols[symbol].point
    bid = _price(symbol, move).quantize(point)
    house.broker.set_quotes([Quote(symbol, bid, bid + 10 * point)], house.at)


def _play(house: House, step: tuple[str, str, int, int]) -> None:
    """One step of a random trading day; what it names of the book is chosen by its last number."""
    action, symbol, hundredths, move = step
    volume = D(hundredths) / 100
    house.pass_time(minutes=7)
    book = [position for position in house.positions if position.symbol == symbol]
    chosen = book[move % len(book)] if book else None
    ticket = chosen.ticket if chosen else None
    price = _price(symbol, move).quantize(house.broker.state.symbols[symbol].point)
    fields: dict[str, Any] = {"volume": volume, "magic": hundredths}
    match action:
        case "buy" | "sell":
            house.send(symbol=symbol, side=Side(action), **fields)
        case "close":
            house.send(symbol=symbol, position=ticket or 1)
        case "part":
            house.send(symbol=symbol, position=ticket or 1, **fields)
        case "stops":
            house.send("sltp", symbol, position=ticket or 1, stop_loss=price)
        case "quote":
            _quote(house, symbol, move)
        case "limit" | "stop":
            until = house.at + timedelta(hours=1) if move % 2 else None
            side = Side.BUY if move % 3 else Side.SELL
            order_type = OrderType(action)
            house.send(
                "pending", symbol, side=side, order_type=order_type, price=price, expires_at=until, **fields
            )
        case "cancel":
            orders = list(house.broker.state.orders.values())
            house.send("remove", symbol, order=orders[move % len(orders)].ticket if orders else 1)
        case "close_by":
            other = next((p.ticket for p in book if chosen and p.side is chosen.side.opposite), 1)
            house.send("close_by", symbol, position=ticket or 1, position_by=other)
        case _:
            house.pass_time(hours=13)
            house.broker.apply(Tick(at=house.at))


def _house(mode: MarginMode, profile: BrokerProfile, seed: int = 0) -> House:
    house = quoted_house(profile, mode=mode, deposit="8000")
    rates = FaultRates(seed=seed, reject=40, partial=120, timeout_executed=40, timeout=40, answer_lost=40)
    house.broker.apply(PlanFaults(at=house.at, rates=rates))
    return house


def signed(deal: Deal) -> Decimal:
    return deal.volume if deal.side is Side.BUY else -deal.volume


def assert_ledger_explains_book(house: House) -> None:
    state = house.broker.state
    held: defaultdict[int, Decimal] = defaultdict(Decimal)
    for ordinal, deal in enumerate(state.deals, start=1):
        assert deal.ordinal == ordinal
        if deal.kind is DealKind.TRADE:
            held[deal.position_id] += signed(deal)
    booked = {
        position.position_id: position.volume if position.side is Side.BUY else -position.volume
        for position in state.positions.values()
    }
    assert {position: volume for position, volume in held.items() if volume} == booked
    assert state.balance == sum(deal.amount for deal in state.deals)
    assert len({deal.deal_id for deal in state.deals}) == len(state.deals)
    assert all(position.ticket == ticket for ticket, position in state.positions.items())
    assert all(position.volume > 0 for position in state.positions.values())


@pytest.mark.parametrize("mode", list(MarginMode))
@pytest.mark.parametrize("profile", [MT5, MT4, COSTLY], ids=lambda profile: profile.name)
@settings(max_examples=60)
@given(steps=STEPS, seed=st.integers(0, 5))
def test_the_sum_of_deals_is_the_book_and_the_balance(
    mode: MarginMode, profile: BrokerProfile, steps: list[tuple[str, str, int, int]], seed: int
) -> None:
    house = _house(mode, profile, seed)
    for step in steps:
        _play(house, step)
        assert_ledger_explains_book(house)
    if mode is MarginMode.NETTING:
        symbols = [position.symbol for position in house.positions]
        assert len(symbols) == len(set(symbols))
    else:
        assert not any(deal.entry is DealEntry.INOUT for deal in house.broker.state.deals)


@pytest.mark.parametrize("mode", list(MarginMode))
@settings(max_examples=60)
@given(steps=STEPS, cut=st.integers(0, 60), seed=st.integers(0, 5))
def test_replaying_the_log_over_any_snapshot_gives_the_same_bytes(
    mode: MarginMode, steps: list[tuple[str, str, int, int]], cut: int, seed: int
) -> None:
    house = House(COSTLY, mode=mode, deposit="0")
    logged: list[bytes] = []
    snapshots = [house.broker.snapshot()]

    def record(operation: Operation) -> None:
        logged.append(encode_operation(operation))
        snapshots.append(house.broker.snapshot())

    house.broker = SimulatedBroker(house.start, record=record)
    house.broker.apply(Balance(at=house.at, kind=DealKind.DEPOSIT, amount=D(8000)))
    house.quote("EURUSD", "1.10000", "1.10010")
    house.quote("USDJPY", "150.000", "150.010")
    house.broker.apply(PlanFaults(at=house.at, rates=FaultRates(seed=seed, reject=100, partial=200)))
    for step in steps:
        _play(house, step)
    start = cut % len(snapshots)
    again = SimulatedBroker.restore(snapshots[start])
    for data in logged[start:]:
        again.apply(decode_operation(data))
    assert again.snapshot() == house.broker.snapshot()


def test_a_snapshot_decodes_to_an_equal_state() -> None:
    house = quoted_house()
    house.buy("1", comment="x", stop_loss="1.09")
    house.place(Side.BUY, OrderType.LIMIT, "1.09000")
    data = house.broker.snapshot()
    assert encode_state(decode_state(data)) == data
    assert decode_state(data) == house.broker.state


def test_a_refused_request_is_an_operation_too_and_changes_nothing_when_replayed() -> None:
    house = quoted_house()
    before = house.broker.snapshot()
    house.broker.trade(request("deal", side=Side.BUY, volume="0.001"), house.at)
    assert house.broker.snapshot() == before
