"""Slippage costs whoever trades, whichever way he trades."""

from decimal import Decimal

import pytest

from kopitra.application.run_story import slippage
from kopitra.domain.orders import DealEntry, Side
from kopitra.domain.trading import Execution, ExecutionStatus
from tests.unit.copying.world import START


@pytest.mark.parametrize(
    ("side", "entry", "price", "cost"),
    [
        (Side.BUY, DealEntry.IN, "1.10010", "0.0001"),
        (Side.SELL, DealEntry.IN, "1.09990", "0.0001"),
        (Side.SELL, DealEntry.OUT, "1.09990", "0.0001"),
        (Side.BUY, DealEntry.OUT, "1.10010", "0.0001"),
        (Side.SELL, DealEntry.OUT, "1.10010", "-0.0001"),
    ],
)
def test_a_deal_is_worse_by_its_own_side_whether_it_opens_or_closes(
    side: Side, entry: DealEntry, price: str, cost: str
) -> None:
    deal = Execution(
        status=ExecutionStatus.FILLED,
        symbol="EURUSD",
        side=side,
        entry=entry,
        executed_at=START,
        fill_volume=Decimal(1),
        fill_price=Decimal(price),
    )
    assert slippage(deal, Decimal("1.10000")) == Decimal(cost)
    assert slippage(deal, None) is None
