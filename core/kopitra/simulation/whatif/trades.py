"""What an account's deals come to: closed positions, symbols, slippage."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from kopitra.domain.orders import DealEntry, DealReason
from kopitra.domain.quantities import ZERO
from kopitra.simulation.broker.records import Deal, DealKind
from kopitra.simulation.whatif.result import SlippageBin, SlippagePart, SymbolPart, TradesPart

BIN_EDGES = tuple(map(Decimal, (-50, -20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20, 50, 100)))
"""Points. Nought is its own bin's upper end: what cost nothing is not what cost a little."""
MEDIAN, P95 = 50, 95
POINT_PLACES = Decimal("0.01")
RATIO_PLACES = Decimal("0.01")


class Slip(msgspec.Struct, frozen=True, gc=False):
    """One fill against the leader's price: points, and what they cost in the account's currency."""

    symbol: str
    points: Decimal
    cost: Decimal


class _Position(msgspec.Struct):
    """`live`: lots now, whatever the side; `net`: what it has made since it was last flat."""

    live: Decimal = ZERO
    net: Decimal = ZERO


class _Symbol(msgspec.Struct):
    opened: int = 0
    closed: int = 0
    won: int = 0
    volume: Decimal = ZERO
    profit: Decimal = ZERO
    commission: Decimal = ZERO
    swap: Decimal = ZERO


class Trades:
    """Fed with an account's ledger, in order."""

    def __init__(self, deals: Iterable[Deal]) -> None:
        self._positions: dict[int, _Position] = {}
        self._symbols: defaultdict[str, _Symbol] = defaultdict(_Symbol)
        self._nets: list[Decimal] = []
        """Of every position that was closed, and of every net position whenever it was flat or turned."""
        self.stopped_out = 0
        for deal in deals:
            if deal.kind is DealKind.TRADE:
                self._take(deal)

    def _take(self, deal: Deal) -> None:
        position = self._positions.setdefault(deal.position_id, _Position())
        symbol = self._symbols[deal.symbol]
        position.net += deal.amount
        symbol.profit += deal.profit
        symbol.commission += deal.commission + deal.fee
        symbol.swap += deal.swap
        self.stopped_out += deal.reason is DealReason.STOP_OUT
        match deal.entry:
            case DealEntry.OUT:
                position.live -= deal.volume
                if not position.live:
                    self._ended(position, symbol)
            case DealEntry.INOUT:
                self._ended(position, symbol)
                turned = deal.volume - position.live
                symbol.opened += 1
                symbol.volume += turned
                position.live = turned
            case _:
                symbol.opened += not position.live
                symbol.volume += deal.volume
                position.live += deal.volume

    def _ended(self, position: _Position, symbol: _Symbol) -> None:
        self._nets.append(position.net)
        symbol.closed += 1
        symbol.won += position.net > ZERO
        position.net = ZERO

    def summary(self) -> TradesPart:
        nets = self._nets
        gains = sum((net for net in nets if net > ZERO), ZERO)
        losses = -sum((net for net in nets if net < ZERO), ZERO)
        symbols = self._symbols.values()
        return TradesPart(
            closed=len(nets),
            won=sum(net > ZERO for net in nets),
            lost=sum(net < ZERO for net in nets),
            gross_profit=gains,
            gross_loss=losses,
            profit_factor=(gains / losses).quantize(RATIO_PLACES) if losses else None,
            best=max(nets, default=ZERO),
            worst=min(nets, default=ZERO),
            volume=sum((symbol.volume for symbol in symbols), ZERO),
            commission=sum((symbol.commission for symbol in symbols), ZERO),
            swap=sum((symbol.swap for symbol in symbols), ZERO),
        )

    def by_symbol(self, slips: Sequence[Slip] = ()) -> tuple[SymbolPart, ...]:
        """The busiest first."""
        slipped: defaultdict[str, list[Slip]] = defaultdict(list)
        for slip in slips:
            slipped[slip.symbol].append(slip)
        parts = [
            SymbolPart(
                symbol=name,
                opened=symbol.opened,
                closed=symbol.closed,
                won=symbol.won,
                volume=symbol.volume,
                profit=symbol.profit,
                commission=symbol.commission,
                swap=symbol.swap,
                net=symbol.profit + symbol.commission + symbol.swap,
                slippage_points=_mean(slipped[name]) if name in slipped else None,
                slippage_cost=sum((slip.cost for slip in slipped.get(name, ())), ZERO),
            )
            for name, symbol in self._symbols.items()
        ]
        return tuple(sorted(parts, key=lambda part: (-part.opened, part.symbol)))


def slippage_of(slips: Sequence[Slip]) -> SlippagePart:
    if not slips:
        return SlippagePart()
    points = sorted(slip.points for slip in slips)
    return SlippagePart(
        fills=len(points),
        mean=_mean(slips),
        median=_percentile(points, MEDIAN),
        p95=_percentile(points, P95),
        worst=points[-1],
        cost=sum((slip.cost for slip in slips), ZERO),
        bins=_bins(points),
    )


def _mean(slips: Sequence[Slip]) -> Decimal:
    return (sum((slip.points for slip in slips), ZERO) / len(slips)).quantize(POINT_PLACES) + ZERO


def _percentile(ordered: Sequence[Decimal], percent: int) -> Decimal:
    """The smallest value that at least so many percent do not exceed."""
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def _bins(points: Sequence[Decimal]) -> tuple[SlippageBin, ...]:
    bounds = (None, *BIN_EDGES, None)
    bins = [
        SlippageBin(
            above=low,
            upto=high,
            fills=sum((low is None or point > low) and (high is None or point <= high) for point in points),
        )
        for low, high in pairwise(bounds)
    ]
    while bins and not bins[0].fills:
        bins.pop(0)
    while bins and not bins[-1].fills:
        bins.pop()
    return tuple(bins)
