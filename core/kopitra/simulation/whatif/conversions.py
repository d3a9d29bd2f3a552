"""Currency rates for accounts in other currencies than the symbols': symbols that are quoted and cannot be traded.

They come from the settings, from what the leader's profits tell, and from the statement's own quotes of the pair. They
stand beside the traded symbol of the same pair, because a rate that profits tell must not fire that symbol's stops.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ONE
from kopitra.domain.quotes import Quote
from kopitra.domain.symbol_names import names_its_pair
from kopitra.domain.symbols import SymbolSpec, TradeMode
from kopitra.simulation.timeline import Timeline
from kopitra.simulation.whatif.contracts import RateSeries

DIGITS = 10
"""A yen in dollars keeps eight significant ones."""
CODE = 3
BRIDGES = ("USD", "EUR")
"""Over which a broker converts what no single pair does."""

Pair = tuple[str, str]


class RateSymbols(msgspec.Struct, frozen=True, kw_only=True):
    """`quotes` in order of time."""

    specs: tuple[SymbolSpec, ...]
    quotes: tuple[Quote, ...]


class RatesMissing(ValueError):
    """Nothing tells what a currency is worth in another."""

    code = "rates_missing"

    def __init__(self, account: str, source: str, target: str, wanted: str) -> None:
        """`wanted`: a pair that would help."""
        self.source = source
        self.target = target
        super().__init__(
            f"nothing tells what {source} is worth in {target}, which the account {account} needs: "
            f"give it as rates: {{{wanted}: …}}"
        )


def rate_symbols(
    timeline: Timeline,
    specs: Sequence[SymbolSpec],
    currency: str,
    implied: Mapping[str, RateSeries],
    given: Mapping[str, Decimal],
) -> RateSymbols:
    """`implied` are rates into the leader's `currency`; `given` ones win over everything else."""
    if not timeline.events:
        return RateSymbols(specs=(), quotes=())
    begin = timeline.events[0].at
    fixed = {(pair[:CODE], pair[CODE:]): [(begin, rate, rate)] for pair, rate in given.items()}
    told = {
        (source, currency): _told(timeline, specs, (source, currency), series)
        for source, series in implied.items()
        if not {(source, currency), (currency, source)} & fixed.keys()
    }
    quotes: list[Quote] = []
    found: list[SymbolSpec] = []
    for pair, readings in {**told, **fixed}.items():
        spec = _spec(pair)
        found.append(spec)
        quotes += [Quote(spec.symbol, _rounded(bid), _rounded(ask), at) for at, bid, ask in readings]
    return RateSymbols(specs=tuple(found), quotes=tuple(sorted(quotes, key=_time)))


def require_rates(account: str, currency: str, needed: Iterable[str], specs: Sequence[SymbolSpec]) -> None:
    """Raises RatesMissing for the first currency that these symbols do not lead from to the account's."""
    pairs = {(spec.base_currency, spec.profit_currency) for spec in specs}
    for source in sorted(set(needed)):
        ways = [(source, currency)] + [(source, bridge) for bridge in BRIDGES]
        direct = _leads(ways[0], pairs)
        if not direct and not any(
            _leads((source, bridge), pairs) and _leads((bridge, currency), pairs) for bridge in BRIDGES
        ):
            bridge = next((bridge for bridge in BRIDGES if _leads((source, bridge), pairs)), source)
            raise RatesMissing(account, source, currency, f"{bridge}{currency}")


def _leads(pair: Pair, pairs: set[Pair]) -> bool:
    return pair[0] == pair[1] or pair in pairs or (pair[1], pair[0]) in pairs


def _told(
    timeline: Timeline, specs: Sequence[SymbolSpec], pair: Pair, series: RateSeries
) -> list[tuple[datetime, Decimal, Decimal]]:
    """What profits tell, and the statement's own quotes of that pair, whichever way round it is traded."""
    readings = [(at, rate, rate) for at, rate in series.readings]
    straight = {spec.symbol for spec in specs if _pair_of(spec) == pair}
    turned = {spec.symbol for spec in specs if _pair_of(spec) == (pair[1], pair[0])}
    readings += _quoted(timeline, straight, turned)
    return sorted(readings)


def _quoted(
    timeline: Timeline, straight: set[str], turned: set[str]
) -> Iterator[tuple[datetime, Decimal, Decimal]]:
    for event in timeline.events:
        if event.quote is None:
            continue
        if event.symbol in straight:
            yield event.at, event.quote.bid, event.quote.ask
        elif event.symbol in turned:
            yield event.at, ONE / event.quote.ask, ONE / event.quote.bid


def _pair_of(spec: SymbolSpec) -> Pair | None:
    return (spec.base_currency, spec.profit_currency) if names_its_pair(spec) else None


def _spec(pair: Pair) -> SymbolSpec:
    return SymbolSpec(
        symbol=f"{pair[0]}{pair[1]}.rate",
        digits=DIGITS,
        contract_size=ONE,
        volume_min=ONE,
        volume_max=ONE,
        volume_step=ONE,
        base_currency=pair[0],
        profit_currency=pair[1],
        trade_mode=TradeMode.DISABLED,
    )


def _rounded(rate: Decimal) -> Decimal:
    return rate.quantize(ONE.scaleb(-DIGITS))


def _time(quote: Quote) -> datetime:
    assert quote.at is not None
    return quote.at
