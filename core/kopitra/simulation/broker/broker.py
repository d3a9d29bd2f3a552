"""The simulated broker of one account: operations in, results and a ledger out.

Pure and deterministic: it reads no clock and draws no luck of its own. Every change is an `Operation`; `record` sees
each one after it was applied, and applying the recorded ones to the same snapshot gives the same bytes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.simulation.broker import dealing, money, pending_orders, rollover, trading, triggers
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.faults import NO_FAULT, Fault, Faults, operation_of
from kopitra.simulation.broker.market import is_sound, listed_name, with_own_spread
from kopitra.simulation.broker.market_orders import Instruction
from kopitra.simulation.broker.operations import (
    Balance,
    ChangeProfile,
    HandTrade,
    ListSymbols,
    Operation,
    PlanFaults,
    Prices,
    Switch,
    TakeFault,
    Tick,
    Trade,
)
from kopitra.simulation.broker.records import AccountView, Deal, PendingOrder, TradeRequest, TradeResult
from kopitra.simulation.broker.state import BrokerState, decode_state, encode_state
from kopitra.simulation.draws import drawn_between

Record = Callable[[Operation], None]


def _unrecorded(operation: Operation) -> None:
    pass


class SimulatedBroker:
    """One account at one broker. Not for several threads."""

    def __init__(
        self, state: BrokerState, faults: Faults | None = None, record: Record = _unrecorded
    ) -> None:
        self._account = Account(state)
        self._faults = faults
        self._record = record

    @staticmethod
    def restore(snapshot: bytes, record: Record = _unrecorded) -> "SimulatedBroker":
        """The broker that `snapshot` came from; raises `msgspec.MsgspecError` on anything else."""
        return SimulatedBroker(decode_state(snapshot), record=record)

    def record_with(self, record: Record) -> None:
        """From now on, `record` sees every operation; replaying a log comes before it."""
        self._record = record

    def snapshot(self) -> bytes:
        return encode_state(self.state)

    @property
    def state(self) -> BrokerState:
        """To be read only; changes go through `apply`."""
        return self._account.state

    def apply(self, operation: Operation) -> TradeResult | Fault | None:
        """Execute and record one operation. Trades and balance operations answer with their result, `TakeFault` with
        the fault, the others with nothing."""
        answer = self._execute(operation)
        self._record(operation)
        return answer

    def decide_fault(self, request: TradeRequest, at: datetime) -> Fault:
        """The fate of a request that is about to be sent, its latency included. Consumes one decision."""
        if self._faults is not None:
            return self._faults.next_fault(request)
        if self.state.faults.is_empty() and not any(self.state.profile.latency_ms):
            return NO_FAULT
        fault = self.apply(TakeFault(at=at, operation=operation_of(request)))
        assert isinstance(fault, Fault)
        return fault

    def send(self, request: TradeRequest, at: datetime) -> TradeResult:
        """Decide the fault and execute at once, passing over its delays: for tests that need no shell."""
        return self.trade(request, at, self.decide_fault(request, at))

    def trade(self, request: TradeRequest, at: datetime, fault: Fault = NO_FAULT) -> TradeResult:
        result = self.apply(Trade(at=at, request=request, fault=fault))
        assert isinstance(result, TradeResult)
        return result

    def set_quotes(self, quotes: Sequence[Quote], at: datetime) -> None:
        self.apply(Prices(at=at, quotes=tuple(quotes)))

    def is_due(self, at: datetime) -> bool:
        """Would a `Tick` at this time expire anything?"""
        return self.state.profile.triggers and any(
            order.expires_at is not None and order.expires_at <= at for order in self._account.expiring()
        )

    def account_view(self, connected: bool = True, synchronised: bool = True) -> AccountView:
        state = self.state
        equity, margin = money.equity(self._account), money.margin_used(self._account)
        return AccountView(
            login=state.terms.login,
            server=state.terms.server,
            currency=state.terms.currency,
            balance=state.balance,
            equity=equity,
            margin=margin,
            free_margin=equity - margin,
            leverage=state.terms.leverage,
            mode=state.terms.mode,
            connected=connected,
            synchronised=synchronised,
            trade_allowed=state.autotrading,
            ledger=len(state.deals),
        )

    def converted(self, amount: Decimal, currency: str) -> Decimal | None:
        """An amount in the account's currency, unrounded, at the quotes at hand; None where they do not tell."""
        if currency == self.state.terms.currency:
            return amount
        rate = money.known_rate(self._account, currency, gain=amount > 0)
        return None if rate is None else amount * rate

    def deals_after(self, ordinal: int) -> list[Deal]:
        return self.state.deals[max(ordinal, 0) :]

    def order_history(self, magic: int) -> list[PendingOrder]:
        return self._account.finished_with(magic)

    def _execute(self, operation: Operation) -> TradeResult | Fault | None:
        if not isinstance(operation, TakeFault):
            self._advance(operation.at)
        match operation:
            case Trade():
                return trading.trade(self._account, operation.request, operation.fault)
            case HandTrade() | Balance():
                return self._once(operation)
            case Prices():
                self._take_quotes(operation.quotes)
            case TakeFault():
                return self._take_fault(operation.operation)
            case Tick():
                triggers.fire(self._account, tuple(self.state.quotes))
            case PlanFaults() | Switch() | ChangeProfile() | ListSymbols():
                self._configure(operation)
        return None

    def _advance(self, at: datetime) -> None:
        state = self.state
        if at <= state.clock:
            return
        rollover.accrue(self._account, at)
        state.clock = at
        if state.profile.triggers:
            pending_orders.expire(self._account)

    def _once(self, operation: HandTrade | Balance) -> TradeResult:
        known = self.state.answers.get(operation.key)
        if known is not None:
            return known
        if isinstance(operation, Balance):
            result = dealing.operate_balance(
                self._account, operation.kind, operation.amount, operation.comment
            )
        else:
            order = Instruction(request=operation.request, reason=operation.reason, exact=operation.exact)
            result = trading.carry_out(self._account, order)
        if operation.key:
            self.state.answers[operation.key] = result
        return result

    def _take_quotes(self, quotes: Sequence[Quote]) -> None:
        state = self.state
        names: list[str] = []
        for quote in quotes:
            name = listed_name(state, quote.symbol)
            if name is not None and is_sound(quote):
                state.quotes[name] = with_own_spread(state, name, quote)
                names.append(name)
        triggers.fire(self._account, names)

    def _take_fault(self, operation: str) -> Fault:
        state = self.state
        state.requests += 1
        fault = state.faults.take(operation)
        latency = drawn_between(state.terms.login, "latency", state.requests, state.profile.latency_ms)
        if not latency:
            return fault
        return msgspec.structs.replace(
            fault,
            delay_ms=fault.delay_ms + latency // 2,
            answer_delay_ms=fault.answer_delay_ms + latency - latency // 2,
        )

    def _configure(self, operation: PlanFaults | Switch | ChangeProfile | ListSymbols) -> None:
        state = self.state
        match operation:
            case PlanFaults():
                if operation.clear:
                    state.faults.scripted.clear()
                    state.faults.rates = None
                state.faults.scripted.extend(operation.scripted)
                state.faults.rates = operation.rates or state.faults.rates
            case Switch():
                if operation.autotrading is not None:
                    state.autotrading = operation.autotrading
                if operation.closed is not None:
                    state.closed = operation.closed
            case ChangeProfile():
                state.profile = operation.profile
            case ListSymbols():
                state.symbols.update({spec.symbol: spec for spec in operation.symbols})
                self._account = Account(state)
