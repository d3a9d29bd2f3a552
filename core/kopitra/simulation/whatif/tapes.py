"""Quotes in the order of time, from where each account gets its own: the statement, rates, or files of real ticks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import merge

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.domain.symbol_names import squeezed, stem
from kopitra.simulation.whatif.ticks import TickFile, members_of, quotes_of

SILENCE = timedelta(minutes=15)
"""A file that has been silent for so long has a gap: until it speaks again the statement's own prices count."""
EVERYONE = "all"
LEADER = "leader"
FOLLOWERS = "followers"


class Tick(msgspec.Struct, frozen=True, gc=False):
    """A real quote; `symbols` are the leader's symbols that it is a quote of."""

    at: datetime
    feed: str
    symbols: tuple[str, ...]
    quote: Quote


class Feeds:
    """`files` by the name of whose quotes they are: `all`, `leader`, `followers`, or one follower's. Only quotes
    within [begin, end] are used, and of those only the ones that change something. Raises TicksInvalid, OSError."""

    def __init__(
        self,
        files: Mapping[str, Sequence[TickFile]],
        symbols: Sequence[str],
        begin: datetime,
        end: datetime,
    ) -> None:
        self._files = {
            name: [member for file in several for member in members_of(file)]
            for name, several in files.items()
            if several
        }
        self._begin, self._end = begin, end
        self._symbols = _Names(symbols)
        self.used: dict[str, int] = defaultdict(int)
        """Quotes of each file that were used."""
        self.crossed: dict[str, int] = defaultdict(int)
        """Those that were passed over, because their bid is above their ask: nobody can trade at both."""
        self._latest: dict[tuple[str, str], datetime] = {}

    def feed_of(self, account: str, *, leads: bool = False) -> str | None:
        """The nearest that there is: the account's own, its kind's, everyone's."""
        for name in (*(() if leads else (account,)), LEADER if leads else FOLLOWERS, EVERYONE):
            if name in self._files:
                return name
        return None

    def names(self) -> list[str]:
        return list(self._files)

    def ticks(self) -> Iterator[Tick]:
        """Every used quote of every feed, in order of time. Raises TicksInvalid, OSError."""
        streams = [self._of(name, file) for name, files in self._files.items() for file in files]
        for tick in merge(*streams, key=_at):
            for symbol in tick.symbols:
                self._latest[tick.feed, symbol] = tick.at
            yield tick

    def covers(self, feed: str | None, symbol: str, at: datetime) -> bool:
        """Whether the feed, as far as it has been read, tells the price at this time."""
        latest = self._latest.get((feed, symbol)) if feed is not None else None
        return latest is not None and at - latest <= SILENCE

    def _of(self, feed: str, file: TickFile) -> Iterator[Tick]:
        self.used[file.name] += 0
        shown: dict[str, tuple[object, object]] = {}
        for quote in quotes_of(file):
            at = quote.at
            assert at is not None
            if at > self._end:
                return
            symbols = self._symbols.of(quote.symbol) if at >= self._begin else ()
            if symbols and quote.bid > quote.ask:
                self.crossed[file.name] += 1
            elif symbols and shown.get(quote.symbol) != (quote.bid, quote.ask):
                shown[quote.symbol] = (quote.bid, quote.ask)
                self.used[file.name] += 1
                yield Tick(at, feed, symbols, quote)


class _Names:
    """A file's symbol → the leader's symbols that it means, decorated or not."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = symbols
        self._found: dict[str, tuple[str, ...]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = tuple(s for s in self._symbols if _same(s, name))
        return found


def _same(ours: str, theirs: str) -> bool:
    return squeezed(ours) == squeezed(theirs) or stem(ours) == stem(theirs)


def in_time(*streams: Iterable[tuple[datetime, object]]) -> Iterator[tuple[datetime, object]]:
    """Streams of (time, thing) as one; of one time the earlier stream's go first."""
    return merge(*streams, key=_first)


_at: Callable[[Tick], datetime] = lambda tick: tick.at  # noqa: E731
_first: Callable[[tuple[datetime, object]], datetime] = lambda pair: pair[0]  # noqa: E731
