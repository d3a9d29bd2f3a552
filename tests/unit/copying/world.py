"""A platform in one object: commands in, events applied, outboxes read back. Time moves only when told to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from kopitra.domain.identifiers import (
    AccountId,
    GroupId,
    JournalId,
    PositionRef,
    SignalId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import CopySettings, layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import HeldPosition, OutboxAck, PositionSnapshot
from kopitra.domain.trading import (
    AckStatus,
    Execution,
    ExecutionStatus,
    LeaderFigures,
    Order,
    Signal,
    SignalAction,
)
from kopitra.machine import commands
from kopitra.machine.commands import Command
from kopitra.machine.decide import decide
from kopitra.machine.events import AnyEvent, CopyDecision, CopyPlanned, Recorded
from kopitra.machine.evolve import evolve
from kopitra.machine.outcome import Context, Decision, Refusal
from kopitra.machine.readings import Figures, Readings
from kopitra.machine.stamp import stamp
from kopitra.machine.state import Copy, State

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
LEADER = AccountId("leader")
TENANT = TenantId("acme")
GROUP = GroupId("group")
SAME = CopyRules(sizing=SameVolume())


def lots(value: str | int) -> Decimal:
    return Decimal(value)


def spec(symbol: str = "EURUSD", **changes: Any) -> SymbolSpec:
    fields: dict[str, Any] = {
        "digits": 5,
        "contract_size": lots(100000),
        "volume_min": lots("0.01"),
        "volume_max": lots(100),
        "volume_step": lots("0.01"),
        "base_currency": "EUR",
        "profit_currency": "USD",
    }
    return SymbolSpec(symbol=symbol, **(fields | changes))


class World:
    """One leader and as many followers as are added; every event that happened is in `history`."""

    def __init__(self) -> None:
        self.state = State(journal_id=JournalId("j-test"), shard="s0")
        self.readings = Readings()
        self.now = START
        self.history: list[AnyEvent] = []
        self.recorded: list[Recorded] = []
        self._revision = 0
        self.ordinal = 0
        self._deal = 0
        self.account(LEADER)
        self.do(commands.PublishGroup(group=GROUP, tenant=TENANT, revision=self._next(), leaders=(LEADER,)))

    def _next(self) -> int:
        self._revision += 1
        return self._revision

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def ask(self, command: Command) -> Decision | Refusal:
        context = Context(now=self.now, readings=self.readings)
        result = decide(self.state, command, context)
        if isinstance(result, Decision):
            for recorded in stamp(result.events, self.state.sequence, context):
                evolve(self.state, recorded)
                self.history.append(recorded.event)
                self.recorded.append(recorded)
        return result

    def do(self, command: Command) -> Decision:
        result = self.ask(command)
        assert isinstance(result, Decision), result
        return result

    def account(
        self, name: str, *symbols: SymbolSpec, balance: str = "10000", currency: str = "USD"
    ) -> AccountId:
        account = AccountId(name)
        if account not in self.state.accounts:
            self.do(commands.PublishAccount(account=account, tenant=TENANT, revision=self._next()))
        self.catalog(account, *(symbols or (spec(),)))
        self.readings.figures[account] = Figures(balance=lots(balance), currency=currency, at=self.now)
        return account

    def catalog(self, account: AccountId, *symbols: SymbolSpec) -> None:
        digest = repr(symbols)
        self.do(commands.TakeCatalog(account=account, symbols=symbols, digest=digest))

    def follow(self, follower: AccountId, rules: CopyRules | CopySettings | None = None) -> SubscriptionId:
        subscription = SubscriptionId(f"sub-{follower}")
        self.do(
            commands.PublishSubscription(
                subscription=subscription,
                tenant=TENANT,
                revision=self._next(),
                group=GROUP,
                follower=follower,
                rules=rules if isinstance(rules, CopySettings) else layer_of(rules or SAME),
            )
        )
        return subscription

    def follower(
        self, name: str = "follower", rules: CopyRules | CopySettings | None = None, *symbols: SymbolSpec
    ) -> AccountId:
        account = self.account(name, *symbols)
        self.follow(account, rules)
        return account

    def signal(self, action: SignalAction, ref: str = "p1", **changes: Any) -> Signal:
        self.ordinal += 1
        fields: dict[str, Any] = {
            "signal_id": SignalId(f"s{self.ordinal}"),
            "symbol": "EURUSD",
            "side": Side.BUY,
            "volume": lots(1),
            "volume_after": lots(0)
            if action in (SignalAction.CLOSE, SignalAction.PENDING_CANCELLED)
            else lots(1),
            "price": lots("1.10000"),
            "account": LeaderFigures(balance=lots(10000), currency="USD"),
            "occurred_at": self.now,
            "stream_id": "stream",
            "ordinal": self.ordinal,
        }
        return Signal(action=action, position_ref=PositionRef(ref), **(fields | changes))

    def send(self, action: SignalAction, ref: str = "p1", **changes: Any) -> tuple[CopyDecision, ...]:
        """Send a leader's intent and return the decisions that it led to."""
        self.do(commands.TakeSignal(account=LEADER, signal=self.signal(action, ref, **changes)))
        planned = self.history[-1]
        return planned.decisions if isinstance(planned, CopyPlanned) else ()

    def outbox(self, account: AccountId) -> list[Order]:
        items = self.state.accounts[account].outbox.values()
        return [item.order for item in items if item.order is not None]

    def notes(self, account: AccountId) -> list[str]:
        return [i.event_type for i in self.state.accounts[account].outbox.values() if i.order is None]

    def fetch(self, account: AccountId) -> list[Order]:
        """Hand out what is pending, as an answered poll does."""
        orders = self.outbox(account)
        self.readings.delivered.setdefault(account, set()).update(order.command_id for order in orders)
        return orders

    def ack(
        self, account: AccountId, order: Order, status: AckStatus = AckStatus.EXECUTED, **changes: Any
    ) -> Decision:
        sequence = self.state.accounts[account].commands.get(order.command_id, 0)
        ack = OutboxAck(event_id=f"s0-{sequence}", status=status, **changes)  # type: ignore[arg-type]
        return self.do(commands.TakeAck(account=account, ack=ack))

    def fill(
        self, account: AccountId, order: Order, volume: str | None = None, position: int = 501
    ) -> Decision:
        """The broker fills an open (or what is said of it), and the EA reports the deal."""
        return self.deal(account, order, DealEntry.IN, lots(volume) if volume else order.volume, position)

    def deal(
        self,
        account: AccountId,
        order: Order | None,
        entry: DealEntry,
        volume: Decimal,
        position: int = 501,
        reason: DealReason = DealReason.EXPERT,
        **changes: Any,
    ) -> Decision:
        self._deal += 1
        side = order.side if order is not None else Side.BUY
        fields: dict[str, Any] = {"deal_id": str(self._deal), "side": side}
        execution = Execution(
            command_id=order.command_id if order is not None else None,
            status=ExecutionStatus.FILLED,
            symbol=order.symbol if order is not None else "EURUSD",
            executed_at=self.now,
            entry=entry,
            reason=reason,
            **(fields | changes),
            order_ticket=9000 + self._deal,
            position_id=position,
            fill_volume=volume,
            fill_price=lots("1.10000"),
        )
        return self.do(commands.TakeExecution(account=account, execution=execution))

    def opened(self, ref: str = "p1", position: int = 501, **changes: Any) -> Copy:
        """A leader's open, copied, fetched, filled and acknowledged by every follower; the first one's copy."""
        decisions = self.send(SignalAction.OPEN, ref, **changes)
        for decision in decisions:
            if decision.order is not None:
                self.fetch(decision.follower)
                self.fill(decision.follower, decision.order, position=position)
                self.ack(decision.follower, decision.order)
        first = decisions[0]
        assert first.copy_id is not None
        return self.state.accounts[first.follower].following.copies[first.copy_id]

    def tick(self) -> Decision:
        return self.do(commands.Tick())

    def quote(self, account: AccountId, symbol: str, bid: str, ask: str) -> None:
        catalog = self.state.accounts[account].catalog
        self.readings.note_quotes(account, [Quote(symbol, lots(bid), lots(ask))], catalog, self.now)

    def snapshot(self, account: AccountId, *positions: HeldPosition, **changes: Any) -> Decision:
        fields: dict[str, Any] = {
            "login": 77,
            "server": "Broker",
            "connected": True,
            "synchronised": True,
            "snapshot_id": f"snap-{self.now.isoformat()}",
            "stream_id": "stream" if account == LEADER else None,
            "taken_at_ordinal": self.ordinal if account == LEADER else 0,
            "applied_through": self.state.sequence,
            "orders": [p for p in positions if p.order_type is not OrderType.MARKET],
        }
        held = [p for p in positions if p.order_type is OrderType.MARKET]
        snapshot = PositionSnapshot(positions=held, **(fields | changes))
        digest = repr((snapshot.positions, snapshot.orders))
        return self.do(commands.TakeSnapshot(account=account, snapshot=snapshot, digest=digest))

    def held(self, position: int, volume: str = "1", magic: int = 0, **changes: Any) -> HeldPosition:
        fields: dict[str, Any] = {
            "ticket": position,
            "position_id": position,
            "symbol": "EURUSD",
            "side": Side.BUY,
            "price": lots("1.10000"),
            "open_time": self.now,
        }
        return HeldPosition(volume=lots(volume), magic=magic, **(fields | changes))
