"""One wrong trade, planted between agent and terminal; everything else passes unchanged."""

from decimal import Decimal

import msgspec
import pytest

from kopitra.domain.orders import Side
from kopitra.simulation.broker.records import TradeRequest, TradeResult
from kopitra_cli.demo.planting import NTH_OPEN, TWIN, Plant, Tampered, Tampering
from kopitra_terminal import wire

OPEN = TradeRequest(
    action="deal", symbol="EURUSD", side=Side.BUY, volume=Decimal("0.2"), stop_loss=Decimal("1.08"), magic=5
)
CLOSE = msgspec.structs.replace(OPEN, position=12, side=None)


def call(number: int, request: TradeRequest = OPEN) -> bytes:
    return wire.encode_call(wire.Call(number, 2001, wire.Send(request)))


def third_open(plant: Plant) -> tuple[Tampered, list[str]]:
    told: list[str] = []
    tampering = Tampering(plant, told.append)
    for number in range(1, NTH_OPEN):
        assert tampering.take(call(number)) == Tampered((call(number),))
        assert tampering.take(call(100 + number, CLOSE)) == Tampered((call(100 + number, CLOSE),))
    tampered = tampering.take(call(9))
    assert tampering.take(call(10)) == Tampered((call(10),)), "one is enough"
    return tampered, told


def sent(tampered: Tampered) -> list[TradeRequest]:
    bodies = [wire.decode_call(message).body for message in tampered.onward]
    return [body.request for body in bodies if isinstance(body, wire.Send)]


def test_a_dropped_order_is_answered_as_if_it_had_been_filled() -> None:
    tampered, told = third_open(Plant.DROP)
    assert tampered.onward == ()
    answer = wire.decode_answer(tampered.answers[0])
    result = msgspec.msgpack.decode(answer.value, type=TradeResult)
    assert (answer.number, result.done, result.volume) == (9, True, Decimal("0.2"))
    assert told == ["drop: buy EURUSD 0.2"]


def test_a_doubled_order_is_sent_twice_and_its_second_answer_kept_from_the_agent() -> None:
    tampered, _ = third_open(Plant.DOUBLE)
    assert sent(tampered) == [OPEN, OPEN]
    numbers = [wire.decode_call(message).number for message in tampered.onward]
    assert numbers == [9, 9 + TWIN]
    tampering = Tampering(Plant.DOUBLE, print)
    assert [tampering.is_wanted(wire.encode_result(number, None)) for number in numbers] == [True, False]


def test_a_wrong_volume_and_a_wrong_side_reach_the_broker_as_orders_that_it_takes() -> None:
    [twice] = sent(third_open(Plant.VOLUME)[0])
    assert twice.volume == Decimal("0.4")
    [opposite] = sent(third_open(Plant.SIDE)[0])
    assert (opposite.side, opposite.stop_loss, opposite.take_profit) == (Side.SELL, None, Decimal("1.08"))


@pytest.mark.parametrize("body", [wire.GetAccount(), wire.AwaitChange(1, 2.0), wire.Send(CLOSE)])
def test_everything_but_orders_at_the_market_passes(body: wire.Body) -> None:
    tampering = Tampering(Plant.DROP, print)
    message = wire.encode_call(wire.Call(1, 2001, body))
    assert all(tampering.take(message) == Tampered((message,)) for _ in range(NTH_OPEN + 1))
