"""Which guard, if any, keeps a follower from opening one more copy."""

from decimal import ROUND_HALF_EVEN, Decimal
from decimal import Context as Digits

from kopitra.domain.guards import STANDING, Guard, GuardBasis, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId, CopyId
from kopitra.domain.rules import StaleBalance
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import Order
from kopitra.machine.decisions.guard_gates import Line, Totals, amount_of, line_of_order, risk, totals_of
from kopitra.machine.decisions.guard_measures import Measured, measure, measure_sum
from kopitra.machine.decisions.guard_values import Unknown, added_up, limit_in, staleness, value_of
from kopitra.machine.guards_in_force import GuardsOver, Placed, members
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State, Subscription

SHOWN = Digits(prec=12, rounding=ROUND_HALF_EVEN)


class Gatekeeper:
    """The guards' answers for all opens of one decision: whatever it lets through counts for those that follow, as does
    everything that is on its way already. What is on paper is judged like any open, and takes nobody's room."""

    def __init__(self, state: State, context: Context) -> None:
        self._state = state
        self._context = context
        self.leaving: frozenset[CopyId] = frozenset()
        """Copies that the same event ends, before it opens anything: they count no more."""
        self._guards = GuardsOver(state)
        self._totals: dict[tuple[str, AccountId | None], Totals] = {}
        self._sums: dict[str, tuple[Measured | None, Unknown | None]] = {}
        self._equities: dict[str, Decimal | Unknown] = {}

    def refuse(
        self, subscription: Subscription, leader: AccountId | None, order: Order, spec: SymbolSpec
    ) -> Skip | None:
        """The first guard, narrowest first, that this open would break; None: it is let through, and counts."""
        placed = self._guards.of(subscription)
        if not placed:
            return None
        line = line_of_order(subscription.follower, leader, order, spec)
        for one in placed:
            if one.guard.kind in STANDING:
                refused = self._standing(one, subscription)
            else:
                refused = self._gate(one, subscription, line, order)
            if refused is not None:
                return refused
        if not subscription.rules.sandbox:
            self._take(placed, line)
        return None

    def _take(self, placed: tuple[Placed, ...], line: Line) -> None:
        alone = len(self._state.by_follower.get(line.account, ())) == 1
        for one in placed:
            if one.guard.each and alone:
                continue  # nothing else of this decision will ask for this follower's totals
            totals = self._totals.get(_whose(one, line.account))
            if totals is not None:
                totals.add(line, amount_of(one.guard, line, _currency(one), self._context))

    def _standing(self, placed: Placed, subscription: Subscription) -> Skip | None:
        judge = self._own if placed.guard.each else self._sum
        found = judge(placed, subscription)
        if isinstance(found, Unknown):
            return _unknown(placed, found)
        if found is not None and found.may_be_hit:
            figures = f"{_plain(found.amount)} of {_plain(found.limit)} {found.currency}"
            left = " left" if found.floor else ""
            return Skip(SkipReason.GUARD_HIT, f"{_name(placed)} is hit: {figures}{left}")
        return None

    def _own(self, placed: Placed, subscription: Subscription) -> Measured | Unknown | None:
        """None where the period has not begun yet: nothing is lost so far."""
        account = self._state.accounts[subscription.follower]
        value = value_of(account, placed.guard.basis, self._context)
        if isinstance(value, Unknown):
            return value
        stale = staleness(value, placed.guard.basis, self._context.now)
        if stale is not None and _demands_fresh(subscription):
            return stale
        limit = limit_in(placed.guard, value.currency, account, self._context)
        if isinstance(limit, Unknown):
            return limit
        return measure(account, placed, account.guard_marks.get(placed.key), self._context)

    def _sum(self, placed: Placed, subscription: Subscription) -> Measured | Unknown | None:
        if placed.key not in self._sums:
            measured, _, doubtful = measure_sum(self._state, placed, self._context)
            self._sums[placed.key] = measured, doubtful
        measured, doubtful = self._sums[placed.key]
        if doubtful is not None and (measured is None or _demands_fresh(subscription)):
            return doubtful
        return measured

    def _gate(self, placed: Placed, subscription: Subscription, line: Line, order: Order) -> Skip | None:
        guard = placed.guard
        if guard.kind is GuardKind.TRADE_RISK:
            return self._risk(placed, subscription, line, order)
        totals = self._totals_of(placed, line.account)
        amount = amount_of(guard, line, _currency(placed), self._context)
        if isinstance(amount, Unknown):
            return _unknown(placed, amount)
        if totals.unknown is not None:
            return _unknown(placed, totals.unknown)
        by_side = guard.kind is GuardKind.SYMBOL_EXPOSURE
        after = totals.heavier(line, amount) if by_side else totals.over_all + amount
        limit = self._limit(placed, subscription, line)
        if isinstance(limit, Unknown):
            return _unknown(placed, limit)
        if after <= limit:
            return None
        return Skip(
            SkipReason.GUARD_WOULD_BREAK,
            f"{_name(placed)} would break: {_plain(after)} of {_plain(limit)} {_measure_name(guard)}",
        )

    def _totals_of(self, placed: Placed, account: AccountId) -> Totals:
        whose = _whose(placed, account)
        totals = self._totals.get(whose)
        if totals is None:
            accounts = [account] if placed.guard.each else members(self._state, placed.scope, placed.target)
            currency = _currency(placed)
            totals = totals_of(self._state, placed, accounts, currency, self._context, self.leaving)
            self._totals[whose] = totals
        return totals

    def _limit(self, placed: Placed, subscription: Subscription, line: Line) -> Decimal | Unknown:
        """In the measure of the totals: money in the currency they are in, leverage as the money that it allows."""
        guard = placed.guard
        if guard.kind is GuardKind.LEVERAGE:
            equity = self._equity(placed, subscription)
            return equity if isinstance(equity, Unknown) else guard.limit * equity
        if guard.unit is not GuardUnit.MONEY or not guard.each:
            return guard.limit
        return self._money_limit(guard, self._state.accounts[line.account])

    def _money_limit(self, guard: Guard, account: Account) -> Decimal | Unknown:
        value = value_of(account, GuardBasis.BALANCE, self._context)
        if isinstance(value, Unknown):
            return value
        return limit_in(guard, value.currency, account, self._context)

    def _equity(self, placed: Placed, subscription: Subscription) -> Decimal | Unknown:
        if placed.guard.each:
            return self._basis(placed.guard, GuardBasis.EQUITY, subscription)
        if placed.key not in self._equities:
            accounts = members(self._state, placed.scope, placed.target)
            currency = placed.guard.currency
            assert currency is not None, "validated: a sum has one"
            guard = placed.guard
            found = added_up(self._state, accounts, placed.key, guard, currency, self._context)
            stale = found.stale if _demands_fresh(subscription) else None
            self._equities[placed.key] = found.missing or stale or found.total
        return self._equities[placed.key]

    def _basis(self, guard: Guard, basis: GuardBasis, subscription: Subscription) -> Decimal | Unknown:
        account = self._state.accounts[subscription.follower]
        value = value_of(account, basis, self._context)
        if isinstance(value, Unknown):
            return value
        stale = staleness(value, basis, self._context.now)
        if stale is not None and _demands_fresh(subscription):
            return stale
        return value.amount

    def _risk(self, placed: Placed, subscription: Subscription, line: Line, order: Order) -> Skip | None:
        guard = placed.guard
        if not order.stop_loss:
            return Skip(SkipReason.GUARD_WOULD_BREAK, f"{_name(placed)}: the copy would have no stop loss")
        at_risk = risk(line, order.stop_loss, None, self._context)
        if isinstance(at_risk, Unknown):
            return _unknown(placed, at_risk)
        if guard.unit is GuardUnit.PERCENT:
            of = self._basis(guard, guard.basis, subscription)
            limit = of if isinstance(of, Unknown) else of * guard.limit / 100
        else:
            limit = self._money_limit(guard, self._state.accounts[line.account])
        if isinstance(limit, Unknown):
            return _unknown(placed, limit)
        if at_risk <= limit:
            return None
        detail = f"{_name(placed)} would break: {_plain(at_risk)} of {_plain(limit)} at risk"
        return Skip(SkipReason.GUARD_WOULD_BREAK, detail)


def _whose(placed: Placed, account: AccountId) -> tuple[str, AccountId | None]:
    return placed.key, account if placed.guard.each else None


def _currency(placed: Placed) -> str | None:
    """Of totals in money: the account's own (None), or the sum's."""
    return None if placed.guard.each else placed.guard.currency


def _demands_fresh(subscription: Subscription) -> bool:
    return subscription.rules.stale_balance is StaleBalance.SKIP


def _unknown(placed: Placed, unknown: Unknown) -> Skip:
    return Skip(SkipReason.GUARD_UNKNOWN, f"{_name(placed)} cannot be judged: {unknown.why}")


def _name(placed: Placed) -> str:
    return f"guard {placed.guard.name!r} of {placed.scope} {placed.target}"


def _measure_name(guard: Guard) -> str:
    match guard.kind:
        case GuardKind.OPEN_POSITIONS:
            return "open positions"
        case GuardKind.ORDER_RATE:
            return f"opens in {guard.window_seconds} s"
        case GuardKind.LEVERAGE:
            return f"(leverage {_plain(guard.limit)})"
        case _:
            return "lots" if guard.unit is GuardUnit.LOTS else "in money"


def _plain(value: Decimal) -> str:
    """Without an exponent, and with no more digits than anybody reads."""
    return f"{SHOWN.plus(value).normalize(SHOWN):f}"
