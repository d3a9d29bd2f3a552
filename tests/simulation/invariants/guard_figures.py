"""What guards measure, held against the brokers' own figures."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from kopitra.application.fencing import FenceRow
from kopitra.domain.guard_marks import Mark
from kopitra.domain.guards import STANDING, WITH_PERIOD, Guard, GuardBasis, GuardKind
from kopitra.domain.settings import SettingsScope
from kopitra.machine.events import BalanceChanged, GuardHit, GuardMarked, Recorded
from tests.simulation.invariants.guarding import OfStandingGuards
from tests.simulation.invariants.registry import invariant
from tests.simulation.invariants.standing import members
from tests.simulation.stage.results import ZERO

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

NEAR = Decimal("1.05")
"""Rates move while figures are on their way."""
CENTS = Decimal("0.10")
"""Brokers round."""
KEY = tuple[SettingsScope, str, str]


@invariant("guard_hits_are_true")
class GuardHitsAreTrue(OfStandingGuards):
    """A loss that a guard sees is one that trades made: the broker's figures show it without what was paid out. Nor was
    equity ever above a floor that is said to be reached."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._marked: dict[str, datetime] = {}
        self._overtaken: set[str] = set()
        """Accounts with money paid out before a mark that was made of older figures: it does not move with that."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        super().committed(recorded, row)
        event = recorded.event
        if isinstance(event, GuardMarked) and event.marks:
            self._marked[event.account] = max(kept.mark.at for kept in event.marks)
        elif isinstance(event, BalanceChanged):
            marked = self._marked.get(event.account)
            if marked is not None and event.operation.executed_at <= marked:
                self._overtaken.add(event.account)
        elif isinstance(event, GuardHit):
            self._judge(event)

    def _judge(self, event: GuardHit) -> None:
        accounts = [event.account] if event.account else members(self.facts, event.scope, event.target)
        if event.guard.kind is GuardKind.EQUITY_FLOOR:
            self._floor(event, accounts)
        elif not self._overtaken.intersection(accounts):
            self._fall(event, accounts)

    def _fall(self, event: GuardHit, accounts: Sequence[str]) -> None:
        self.times += 1
        by_balance = event.guard.basis is GuardBasis.BALANCE
        lost = ZERO
        for account in accounts:
            results = self.world.parties[account].results
            fall = results.realised if by_balance else results.floating
            lost += self._dollars(account, fall.deepest)
        measured = self._measured(event, event.measured)
        if lost * NEAR + CENTS < measured:
            self.violated(
                f"{event.account or event.target}'s guard {event.guard.name} sees {measured:.2f} lost, "
                f"trades lost {lost:.2f}"
            )

    def _floor(self, event: GuardHit, accounts: Sequence[str]) -> None:
        self.times += 1
        least = sum((self._dollars(a, self.world.parties[a].results.poorest) for a in accounts), ZERO)
        mixed = any(self.world.parties[a].terms.currency != "USD" for a in accounts)
        limit = self._measured(event, event.limit)
        if least > limit * (NEAR if mixed else 1) + CENTS:
            self.violated(
                f"{event.account or event.target}'s floor {event.guard.name} of {limit} is hit at {least}"
            )

    def _dollars(self, account: str, amount: Decimal) -> Decimal:
        return self.world.market.dollars(amount, self.world.parties[account].terms.currency)

    def _measured(self, event: GuardHit, amount: Decimal) -> Decimal:
        return self.world.market.dollars(amount, event.currency)

    def finish(self) -> None:
        """That a guard was not hit is looked at too."""
        self.times += len(self.world.guards)


@invariant("guards_notice")
class GuardsNotice(OfStandingGuards):
    """In the end every loss is counted from some mark, and no account is beyond a limit that does not stand as hit."""

    def unsettled(self) -> Iterator[str]:
        for layer in self.facts.shadow.layers.values():
            scope, target = layer.scope, layer.target
            for guard in layer.guards:
                if guard.kind not in STANDING:
                    continue
                everybody = members(self.facts, scope, target)
                groups = [[account] for account in everybody] if guard.each else [everybody]
                for accounts in groups:
                    yield from self._missed((scope, target, guard.name), guard, accounts)

    def _missed(self, key: KEY, guard: Guard, accounts: Sequence[str]) -> Iterator[str]:
        if self.standing.stands(key, accounts[0] if guard.each else None):
            return
        self.times += 1
        if guard.kind in WITH_PERIOD:
            yield from (
                f"{a} has no mark of {guard.name}" for a in accounts if self._mark(key, guard, a) is None
            )
        over = self._beyond(key, guard, accounts)
        if over is None:
            return
        if over > 0:
            yield f"{accounts} is {over:.2f} beyond {guard.name}, which is not hit"

    def _beyond(self, key: KEY, guard: Guard, accounts: Sequence[str]) -> Decimal | None:
        """Dollars beyond the limit, negative within it; None where that cannot be told from here."""
        if guard.kind is GuardKind.EQUITY_FLOOR:
            worth = [self._dollars(account, self._value(account, guard)) for account in accounts]
            return self._limit(guard, accounts) / NEAR - sum(worth, ZERO) - CENTS
        falls = [self._fall(key, guard, account) for account in accounts]
        if None in falls or guard.unit != "money":
            return None
        if not guard.each and guard.kind is GuardKind.TRAILING_DRAWDOWN:
            return None  # the sum's high-water mark is of figures of several moments
        lost = sum((fall for fall in falls if fall is not None), ZERO)
        return lost - self._limit(guard, accounts) * NEAR - CENTS

    def _mark(self, key: KEY, guard: Guard, account: str) -> Mark | None:
        mark = self.facts.shadow.accounts[account].guard_marks.get(":".join(key))  # type: ignore[index]
        currency = self.world.parties[account].terms.currency
        now = self.world.time.now() + self.world.counterparties.ahead
        return mark if mark is not None and mark.holds(guard, currency, now) else None

    def _fall(self, key: KEY, guard: Guard, account: str) -> Decimal | None:
        mark = self._mark(key, guard, account)
        if mark is None:
            return None
        best = mark.high if guard.kind is GuardKind.TRAILING_DRAWDOWN else mark.start
        return self._dollars(account, best - self._value(account, guard))

    def _value(self, account: str, guard: Guard) -> Decimal:
        results = self.world.parties[account].results
        return results.balance if guard.basis is GuardBasis.BALANCE else results.equity

    def _limit(self, guard: Guard, accounts: Sequence[str]) -> Decimal:
        """In dollars; a guard without a currency is in its account's own."""
        currency = guard.currency or self.world.parties[accounts[0]].terms.currency
        return self.world.market.dollars(guard.limit, currency)

    def _dollars(self, account: str, amount: Decimal) -> Decimal:
        return self.world.market.dollars(amount, self.world.parties[account].terms.currency)
