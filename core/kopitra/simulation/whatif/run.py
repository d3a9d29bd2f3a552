"""The run: a leader's history through the core to simulated followers, under the history's own clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.domain.telemetry import SymbolCatalog
from kopitra.machine.readings import SETTLING
from kopitra.protocol.events import InboxType
from kopitra.simulation.timeline import Action, Timeline, TimelineEvent
from kopitra.simulation.whatif.accounts import snapshot_of
from kopitra.simulation.whatif.conversions import rate_symbols, require_rates
from kopitra.simulation.whatif.curves import Curve
from kopitra.simulation.whatif.follower import Follower, Setting
from kopitra.simulation.whatif.leader import Leader
from kopitra.simulation.whatif.observing import Nobody, Watch, Witness
from kopitra.simulation.whatif.plan import WhatIfPlan, rules_in_force
from kopitra.simulation.whatif.platform import LEADER, HistoryClock, Platform
from kopitra.simulation.whatif.result import HistoryPart, QuotesPart, WhatIfResult
from kopitra.simulation.whatif.summing import follower_part, leader_part
from kopitra.simulation.whatif.symbols import follower_symbols, leader_symbols
from kopitra.simulation.whatif.tapes import Feeds, Tick, in_time
from kopitra.simulation.whatif.ticks import TickFile

LEVERAGE = 100
"""Of a leader whose statement names none: it bears on its free margin only."""
LOOK_EVERY = timedelta(seconds=5)
"""While real quotes move: how often figures are read and the core looks at the time, as the platform does."""
TIME_PASSES_EVERY = timedelta(hours=1)
"""The same where nothing moves, on the hour: that is when firms' days begin."""
SETTLED_AFTER = SETTLING + timedelta(seconds=1)
AFTER_THE_END = timedelta(minutes=10)
"""For what is still on its way when the history ends."""
TOLD_EVERY = 50
"""Events of the history between two reports of progress."""
NO_DEPOSIT = (
    "the history tells of no money paid in: without leader.deposit the leader has no growth, "
    "and no copy is sized by its balance"
)
NEW_TRADES = frozenset({Action.OPEN, Action.PENDING_PLACED})

Progress = Callable[[int, int, datetime], None]
"""Events done, of how many, and the history's time."""


class HistoryEmpty(ValueError):
    """There is nothing to run: the history holds no trade."""

    code = "history_empty"


class CurrencyUnknown(ValueError):
    """Neither statement nor settings say in which currency the leader's account is kept."""

    code = "currency_unknown"


def what_if(
    timeline: Timeline,
    plan: WhatIfPlan,
    files: Mapping[str, Sequence[TickFile]] | None = None,
    progress: Progress = lambda done, total, at: None,
    witness: Witness | None = None,
) -> WhatIfResult:
    """What the plan's followers would have made of the leader's history. `files` as in `tapes.Feeds`; `witness` is told
    of every recorded event and every follower's deal.

    The same inputs give the same result. Raises HistoryEmpty, CurrencyUnknown, RatesMissing, TicksInvalid, OSError.
    """
    return _Run(timeline, plan, files or {}, progress, witness or Nobody()).run()


class _Run:
    def __init__(
        self,
        timeline: Timeline,
        plan: WhatIfPlan,
        files: Mapping[str, Sequence[TickFile]],
        progress: Progress,
        witness: Witness,
    ) -> None:
        if not any(event.action in NEW_TRADES for event in timeline.events):
            raise HistoryEmpty("the history holds no trade")
        self._timeline, self._plan, self._progress = timeline, plan, progress
        self._begin, self._end = timeline.events[0].at, timeline.events[-1].at
        self._clock = HistoryClock(self._begin)
        self._witness = witness
        self._watch = Watch(witness)
        self._platform = Platform(self._clock, self._watch.take)
        self._feeds = Feeds(files, timeline.symbols(), self._begin, self._end)
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._looked_at = self._looks_at = self._begin
        self._has_guards = bool(plan.guards) or any(follower.guards for follower in plan.followers.values())
        self._redrive_at: datetime | None = None
        self._done = 0
        self._notes: list[str] = list(timeline.notes)
        self._prepare()

    def run(self) -> WhatIfResult:
        self._open_market()
        for at, thing in self._stream():
            self._catch_up(at)
            self._clock.move_to(at)
            if self._happen(thing, at):
                self._settle()
        self._catch_up(self._end + AFTER_THE_END)
        self._look()
        return self._result()

    # -- before the history begins -----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        timeline, plan = self._timeline, self._plan
        currency = plan.leader.currency or timeline.account.currency
        if currency is None:
            raise CurrencyUnknown(
                "the statement does not say its account's currency: give it as leader.currency"
            )
        symbols = leader_symbols(timeline, plan.leader, currency)
        self._notes += symbols.notes
        rates = rate_symbols(timeline, symbols.specs, currency, symbols.rates, plan.rates)
        self._rate_quotes = rates.quotes
        self._leader = Leader(
            (*symbols.specs, *rates.specs),
            currency,
            plan.leader.leverage or timeline.account.leverage or LEVERAGE,
            plan.leader.deposit + timeline.account.opening_balance,
            Curve(self._begin, self._end),
            self._begin,
            self._feeds.feed_of("", leads=True),
        )
        self._platform.lead(plan.rules, plan.guards)
        self._platform.tell(LEADER, (InboxType.SYMBOL_CATALOG, SymbolCatalog(symbols=list(symbols.specs))))
        self._followers: list[Follower] = []
        for name, wanted in plan.followers.items():
            own = follower_symbols(symbols.specs, wanted, rules_in_force(plan, wanted).rules.symbols)
            needed = {*(spec.profit_currency for spec in own.specs), currency}
            require_rates(name, wanted.currency, needed, (*own.specs, *rates.specs))
            setting = Setting(
                platform=self._platform,
                symbols=own,
                rates=rates.specs,
                feed=self._feeds.feed_of(name),
                witness=self._witness,
                begin=self._begin,
                end=self._end,
            )
            follower = Follower(name, wanted, plan, setting)
            self._watch.add(follower.account, follower.seen)
            self._followers.append(follower)

    def _open_market(self) -> None:
        """Every symbol has a price from the beginning: its first one, whenever that comes."""
        first: dict[str, Quote] = {}
        for quote in (*(event.quote for event in self._timeline.events), *self._rate_quotes):
            if quote is not None:
                first.setdefault(quote.symbol, quote)
        quotes = list(first.values())
        self._leader.show(quotes)
        for follower in self._followers:
            follower.show(quotes, self._begin)
        self._look()
        self._schedule(
            self._begin.replace(minute=0, second=0, microsecond=0) + TIME_PASSES_EVERY, self._pass_time
        )

    # -- time ----------------------------------------------------------------------------------------------------------

    def _stream(self) -> Iterator[tuple[datetime, object]]:
        """Rates, then ticks, then the leader's events, in order of time."""
        rates = ((quote.at, quote) for quote in self._rate_quotes if quote.at is not None)
        ticks = ((tick.at, tick) for tick in self._feeds.ticks())
        events = ((event.at, event) for event in self._timeline.events)
        return in_time(rates, ticks, events)

    def _schedule(self, at: datetime, what: Callable[[], None]) -> None:
        heappush(self._agenda, (at, next(self._order), what))

    def _catch_up(self, until: datetime) -> None:
        """Do what is due by then."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _, what = heappop(self._agenda)
            self._clock.move_to(at)
            what()
            self._settle()

    def _settle(self) -> None:
        """Let everything happen that follows at once."""
        self._wake()
        while self._agenda and self._agenda[0][0] <= self._clock.now():
            _, _, what = heappop(self._agenda)
            what()
            self._wake()

    def _wake(self) -> None:
        """Call those whose outboxes grew, each after its latency, and remember when refused orders come again."""
        now = self._clock.now()
        for account in self._platform.woken():
            follower = next((f for f in self._followers if f.account == account), None)
            if follower is not None:
                self._schedule(now + follower.latency, self._working(follower))
        due = self._platform.due_again()
        if due is not None and due != self._redrive_at:
            self._redrive_at = due
            self._schedule(due, self._platform.tick)

    def _working(self, follower: Follower) -> Callable[[], None]:
        def work() -> None:
            again = follower.work(self._clock.now())
            if again is not None:
                self._schedule(again, work)
            follower.look(self._clock.now())
            self._look_later()

        return work

    def _pass_time(self) -> None:
        self._look()
        self._platform.tick()
        later = self._clock.now() + TIME_PASSES_EVERY
        if later <= self._end:
            self._schedule(later, self._pass_time)

    def _look_later(self) -> None:
        """Guards take a balance that has just moved for a payment perhaps, and wait until that is beyond doubt: then
        they want to see it once more."""
        at = self._clock.now() + SETTLED_AFTER
        if self._has_guards and at > self._looks_at:
            self._looks_at = at
            self._schedule(at, self._look)

    def _look(self) -> None:
        """Read every account's figures."""
        now = self._clock.now()
        self._looked_at = now
        self._leader.look(now)
        for follower in self._followers:
            follower.look(now)

    # -- what happens --------------------------------------------------------------------------------------------------

    def _happen(self, thing: object, at: datetime) -> bool:
        """Whether anything may follow from it."""
        if isinstance(thing, TimelineEvent):
            self._replay(thing)
            return True
        if isinstance(thing, Tick):
            return self._move(thing)
        assert isinstance(thing, Quote)
        fired = [follower.show([thing], at) for follower in self._followers]
        return any(fired)

    def _move(self, tick: Tick) -> bool:
        """A real quote reaches those who listen to its feed."""
        at, quote = tick.at, tick.quote
        quotes = [Quote(symbol, quote.bid, quote.ask, at) for symbol in tick.symbols]
        if self._leader.feed == tick.feed:
            self._leader.show(quotes)
        fired = [follower.show(quotes, at) for follower in self._followers if follower.feed == tick.feed]
        if at - self._looked_at < LOOK_EVERY:
            return any(fired)
        self._look()
        self._platform.tick()
        return True

    def _replay(self, event: TimelineEvent) -> None:
        at = event.at
        self._platform.tick()  # time has passed at the old prices
        if event.quote is not None:
            self._show(event.quote, at)
        if event.action is Action.BALANCE:
            self._leader.move_money(event)
        elif event.action is not Action.QUOTE and self._leader.trade(event):
            self._lead(event)
        self._look()
        self._look_later()
        self._done += 1
        if self._done % TOLD_EVERY == 0 or self._done == len(self._timeline.events):
            self._progress(self._done, len(self._timeline.events), at)

    def _show(self, quote: Quote, at: datetime) -> None:
        """A price of the statement reaches those who have no better one."""
        if not self._feeds.covers(self._leader.feed, quote.symbol, at):
            self._leader.show([quote])
        for follower in self._followers:
            if not self._feeds.covers(follower.feed, quote.symbol, at):
                follower.show([quote], at)

    def _lead(self, event: TimelineEvent) -> None:
        view = self._leader.broker.account_view()
        self._platform.tell(LEADER, (InboxType.ACCOUNT_SNAPSHOT, snapshot_of(view)))
        for follower in self._followers:
            follower.look(event.at)
            if event.action in NEW_TRADES:
                follower.quote(event.at)
        self._platform.take(self._leader.signal(event, view))

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def _result(self) -> WhatIfResult:
        timeline = self._timeline
        used = self._feeds.used
        if self._leader.curve.flows <= ZERO:
            self._notes.append(NO_DEPOSIT)
        self._notes += [
            f"the leader's broker could not replay: {refused}" for refused in self._leader.refused
        ]
        self._notes += [
            f"{file}: none of its quotes falls into the history" for file in used if not used[file]
        ]
        return WhatIfResult(
            history=HistoryPart(
                source=timeline.source,
                begin=self._begin,
                end=self._end,
                events=len(timeline.events),
                trades=sum(event.action in NEW_TRADES for event in timeline.events),
            ),
            latency_ms=self._plan.latency_ms,
            spread_points=self._plan.spread_points,
            quotes=tuple(
                QuotesPart(file=file, used=used[file], crossed=self._feeds.crossed[file])
                for file in sorted(used)
            ),
            notes=tuple(self._notes),
            leader=leader_part(self._leader),
            followers=tuple(follower_part(follower) for follower in self._followers),
        )
