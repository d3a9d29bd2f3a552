"""Random trading on top of a random world: intents, acks, deals, snapshots, halts and operators' orders."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, EventId, PositionRef, ProposalId, SignalId
from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.domain.settings import SettingsScope
from kopitra.domain.telemetry import AccountSnapshot, HeldPosition, OutboxAck, PositionSnapshot
from kopitra.domain.trading import (
    AckStatus,
    Execution,
    ExecutionStatus,
    LeaderFigures,
    OrderAction,
    Signal,
    SignalAction,
)
from kopitra.machine.commands import (
    DecideProposal,
    Halt,
    PlaceOperatorOrder,
    ResetGuard,
    Resume,
    TakeAck,
    TakeExecution,
    TakeFigures,
    TakeSignal,
    TakeSnapshot,
)
from kopitra.machine.decisions.netting import live_net
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.readings import Figures
from kopitra.machine.state import FIRST_MAGIC, Account, Copy, CopyStatus, LeaderPosition
from kopitra.simulation.draws import Draws
from tests.unit.machine.driven import ELSEWHERE, TENANT
from tests.unit.machine.random_world import FOLLOWERS, GROUPS, LEADERS, SYMBOLS, RandomWorld

LOGIN, SERVER, STREAM = 1, "Broker", "stream"
PENDING_ACTIONS = (
    SignalAction.PENDING_FILLED,
    SignalAction.PENDING_MODIFIED,
    SignalAction.PENDING_CANCELLED,
)
HEDGING_ACTIONS = (
    SignalAction.MODIFY,
    SignalAction.PARTIAL_CLOSE,
    SignalAction.PARTIAL_CLOSE,
    SignalAction.CLOSE,
    SignalAction.CLOSE,
    SignalAction.CLOSE_BY,
)
"""A leader without deal ids (MetaTrader 4) only ever hedges, so volumes only fall."""
NETTING_ACTIONS = (*HEDGING_ACTIONS, SignalAction.INCREASE, SignalAction.REVERSE)
NETTING = LEADERS[1]
NETTER = FOLLOWERS[2]
DEALS = frozenset(NETTING_ACTIONS) - {SignalAction.MODIFY} | {SignalAction.OPEN, SignalAction.PENDING_FILLED}
ORDINARY_ACKS = (AckStatus.EXECUTED,) * 4 + tuple(AckStatus)
FILLING = (ExecutionStatus.FILLED,) * 5 + tuple(ExecutionStatus)


class TradingWorld(RandomWorld):
    def __init__(self, draws: Draws) -> None:
        super().__init__(draws)
        self.ordinals: dict[AccountId, int] = {}
        self.sent: list[tuple[AccountId, Signal]] = []
        self.strangers: dict[AccountId, list[HeldPosition]] = {}
        self.deals: list[tuple[AccountId, Execution]] = []

    def happenings(self) -> Sequence[Callable[[], None]]:
        return (
            *super().happenings(),
            *(self.signal,) * 8,
            *(self.acknowledge,) * 6,
            *(self.deal,) * 8,
            *(self.snapshot,) * 4,
            *(self.figures,) * 3,
            self.deliver,
            self.halt,
            self.reset,
            self.operate,
            self.decide_proposal,
        )

    # -- the leader's side -----------------------------------------------------------------------------------------

    def signal(self) -> None:
        choose = self.choose
        if self.sent and choose.once_in(6):
            account, signal = choose.one_of(self.sent)
        else:
            account = AccountId(choose.one_of(LEADERS))
            signal = self._intent(account)
            self.sent.append((account, signal))
        self.ask(TakeSignal(account=account, signal=signal, sandbox=choose.once_in(25)))

    def _intent(self, account: AccountId) -> Signal:
        choose = self.choose
        known = list(self.machine.state.accounts[account].leading.positions.values())
        if known and not choose.once_in(3):
            return self._later(account, choose.one_of(known))
        pending = choose.once_in(3)
        ref = PositionRef(f"{SERVER}:{LOGIN}:{'o' if pending else ''}{choose.below(40)}")
        if choose.once_in(10):  # of a position that nobody may know
            return self._made(account, choose.one_of(tuple(SignalAction)), ref, choose.lots())
        action = SignalAction.PENDING_PLACED if pending else SignalAction.OPEN
        return self._made(account, action, ref, choose.lots())

    def _later(self, account: AccountId, position: LeaderPosition) -> Signal:
        choose = self.choose
        actions = NETTING_ACTIONS if account == NETTING else HEDGING_ACTIONS
        action = choose.one_of(PENDING_ACTIONS if position.pending else actions)
        ref, order_ref = position.position_ref, None
        volume = position.volume
        match action:
            case SignalAction.PARTIAL_CLOSE | SignalAction.CLOSE_BY:
                after = Decimal(choose.below(int(position.volume * 100) + 1)) / 100
            case SignalAction.CLOSE | SignalAction.PENDING_CANCELLED:
                after = Decimal(0)
            case SignalAction.INCREASE:
                volume = choose.lots()
                after = position.volume + volume
            case SignalAction.REVERSE:
                after = choose.lots()
            case _:
                after = position.volume
        if action is SignalAction.PENDING_FILLED and choose.once_in(2):
            ref, order_ref = PositionRef(f"{SERVER}:{LOGIN}:{100 + self.fresh()}"), position.position_ref
        signal = self._made(account, action, ref, volume, after)
        return msgspec.structs.replace(
            signal, symbol=position.symbol, side=position.side, order_ref=order_ref
        )

    def _made(
        self,
        account: AccountId,
        action: SignalAction,
        ref: PositionRef,
        volume: Decimal,
        after: Decimal | None = None,
    ) -> Signal:
        choose, number = self.choose, self.fresh()
        resting = action in (SignalAction.PENDING_PLACED, *PENDING_ACTIONS)
        self.ordinals[account] = self.ordinals.get(account, 0) + (2 if choose.once_in(12) else 1)
        return Signal(
            signal_id=SignalId(f"g{number}"),
            action=action,
            position_ref=ref,
            symbol=choose.one_of((*SYMBOLS, "XAUUSD")) if choose.once_in(8) else SYMBOLS[0],
            side=choose.one_of(tuple(Side)),
            order_type=choose.one_of((OrderType.LIMIT, OrderType.STOP)) if resting else OrderType.MARKET,
            volume=volume,
            volume_after=volume if after is None else after,
            price=Decimal("1.1000") if resting or choose.once_in(2) else None,
            stop_loss=choose.one_of((None, Decimal("1.0000"), Decimal("1.0500"))),
            take_profit=choose.one_of((None, Decimal("1.2000"))),
            account=LeaderFigures(balance=Decimal(5000), currency="USD"),
            occurred_at=self.machine.now,
            stream_id=STREAM if not choose.once_in(60) else f"{STREAM}-{number}",
            ordinal=self.ordinals[account],
            age_ms=choose.one_of((0, 10, 70_000)) if choose.once_in(6) else 5,
            deal_id=number if account == NETTING and action in DEALS else None,
            magic=FIRST_MAGIC if choose.once_in(30) else 0,
        )

    # -- the follower's side ---------------------------------------------------------------------------------------

    def figures(self) -> None:
        """One follower's account nets; what an EA says of that is believed, whatever it says."""
        choose = self.choose
        account = AccountId(NETTER) if choose.once_in(2) else self.account()
        nets = (account == NETTER) is not choose.once_in(20)
        snapshot = AccountSnapshot(
            login=LOGIN,
            server=SERVER,
            balance=Decimal(1000 + choose.below(500)),
            equity=Decimal(1000 + choose.below(500)),
            currency="USD",
            mode=MarginMode.NETTING if nets else MarginMode.HEDGING,
        )
        known = self.machine.state.accounts[account]
        figures = Figures(
            balance=snapshot.balance, currency="USD", at=self.machine.now, equity=snapshot.equity
        )
        self.machine.readings.note_figures(account, figures, known.marked_at, known.flow_at)
        self.ask(TakeFigures(account=account, snapshot=snapshot))

    def deliver(self) -> None:
        """An answer carries everything that is pending."""
        account = self.account()
        pending = self.machine.state.accounts[account].commands
        self.machine.readings.delivered.setdefault(account, set()).update(pending)

    def acknowledge(self) -> None:
        choose, account = self.choose, self.account()
        queue = self.machine.state.accounts[account].queue
        sequence = choose.one_of(queue) if queue and not choose.once_in(12) else choose.below(500)
        ack = OutboxAck(
            event_id=EventId(f"journal-shard-{sequence}"),
            status=choose.one_of(ORDINARY_ACKS),
            retcode=choose.one_of((None, 10018)),
            reason=choose.one_of((None, None, "already_filled")),
        )
        self.ask(TakeAck(account=account, ack=ack))

    def deal(self) -> None:
        choose, account = self.choose, self.account()
        copies = list(self.machine.state.accounts[account].following.copies.values())
        if self.deals and choose.once_in(8):
            account, execution = choose.one_of(self.deals)
        elif copies and not choose.once_in(15):
            execution = self._deal_of(choose.one_of(copies))
        else:
            execution = self._manual()
        self.deals.append((account, execution))
        self.ask(TakeExecution(account=account, execution=execution))

    def _deal_of(self, copy: Copy) -> Execution:
        choose, number = self.choose, self.fresh()
        opens = copy.status is not CopyStatus.OPEN or choose.once_in(12)
        volume = copy.planned_volume if opens else copy.live_volume or copy.planned_volume
        if choose.once_in(4):
            volume = Decimal(1 + choose.below(int(volume * 100))) / 100
        return Execution(
            status=choose.one_of(FILLING),
            symbol=copy.symbol,
            side=copy.side if opens or choose.once_in(2) else copy.side.opposite,
            executed_at=self.machine.now,
            command_id=copy.opens if opens else choose.one_of((None, *copy.commands[-1:])),
            entry=DealEntry.IN if opens else DealEntry.OUT,
            reason=DealReason.EXPERT if opens else choose.one_of(tuple(DealReason)),
            order_ticket=copy.magic % 100_000,
            deal_id=number if choose.once_in(2) else None,
            position_id=copy.magic % 100_000,
            remainder_ticket=number + 1_000_000 if choose.once_in(20) else None,
            fill_volume=volume,
            fill_price=Decimal("1.1001"),
        )

    def _manual(self) -> Execution:
        number = self.fresh()
        return Execution(
            status=ExecutionStatus.FILLED,
            symbol=SYMBOLS[0],
            side=Side.SELL,
            executed_at=self.machine.now,
            reason=DealReason.CLIENT,
            order_ticket=900_000 + number,
            position_id=900_000 + number,
            fill_volume=self.choose.lots(),
            fill_price=Decimal("1.1002"),
        )

    def snapshot(self) -> None:
        choose, account_id = self.choose, self.account()
        account = self.machine.state.accounts[account_id]
        positions = [
            self._copied(c) for c in account.following.copies.values() if c.status is CopyStatus.OPEN
        ]
        orders = [
            self._copied(c) for c in account.following.copies.values() if c.status is CopyStatus.PENDING
        ]
        for position in account.leading.positions.values():
            (orders if position.pending else positions).append(self._led(position))
        if positions and choose.once_in(2):
            positions.pop(choose.below(len(positions)))
        if positions and choose.once_in(4):
            at = choose.below(len(positions))
            positions[at] = msgspec.structs.replace(positions[at], volume=Decimal("0.01"), stop_loss=None)
        positions.extend(self._strangers(account))
        if account.mode is MarginMode.NETTING:
            positions = list(self._nets(account))
        snapshot = PositionSnapshot(
            login=LOGIN if not choose.once_in(25) else 2,
            server=SERVER,
            connected=not choose.once_in(25),
            synchronised=not choose.once_in(25),
            snapshot_id=f"p{self.fresh()}",
            positions=positions,
            orders=orders,
            stream_id=account.leading.stream_id or None,
            taken_at_ordinal=max(0, account.leading.ordinal - (1 if choose.once_in(15) else 0)),
            applied_through=self.machine.state.sequence if not choose.once_in(8) else 0,
        )
        digest = f"{len(positions)}-{len(orders)}-{choose.below(3)}"
        self.ask(TakeSnapshot(account=account_id, snapshot=snapshot, digest=digest))

    def _nets(self, account: Account) -> Iterator[HeldPosition]:
        """One position a symbol: what is known of it, and what nobody told of."""
        unknown = sum((held.volume for held in self.strangers.get(account.account, ())), Decimal(0))
        for symbol in SYMBOLS:
            net = live_net(account, symbol) + (unknown if symbol == SYMBOLS[0] else 0)
            if net:
                held = self._held(700_000, 0, abs(net))
                yield msgspec.structs.replace(held, symbol=symbol, side=Side.BUY if net > 0 else Side.SELL)

    def _strangers(self, account: Account) -> list[HeldPosition]:
        """Positions that no report explains; they come, stay for a while, and go."""
        strangers = self.strangers.setdefault(account.account, [])
        if strangers and self.choose.once_in(4):
            strangers.pop()
        if self.choose.once_in(4):
            magic = self.choose.one_of((0, FIRST_MAGIC, account.following.next_magic - 1))
            strangers.append(self._held(800_000 + self.fresh(), magic, Decimal("0.05")))
        return strangers

    def _copied(self, copy: Copy) -> HeldPosition:
        ticket = copy.ticket or copy.magic % 100_000
        held = self._held(ticket, copy.magic, copy.live_volume or copy.planned_volume)
        return msgspec.structs.replace(
            held,
            position_id=copy.position_id or ticket,
            order_type=OrderType.MARKET if copy.status is CopyStatus.OPEN else copy.order_type,
        )

    def _led(self, position: LeaderPosition) -> HeldPosition:
        name = position.position_ref.rpartition(":")[2]
        held = self._held(int(name.removeprefix("o")), 0, position.volume)
        return msgspec.structs.replace(
            held,
            order_type=position.order_type if position.pending else OrderType.MARKET,
            stop_loss=position.stop_loss,
            take_profit=position.take_profit,
        )

    def _held(self, ticket: int, magic: int, volume: Decimal) -> HeldPosition:
        return HeldPosition(
            ticket=ticket,
            position_id=ticket,
            symbol=SYMBOLS[0],
            side=Side.BUY,
            volume=volume,
            price=Decimal("1.1000"),
            open_time=self.machine.now,
            magic=magic,
        )

    # -- operators -------------------------------------------------------------------------------------------------

    def halt(self) -> None:
        choose, scope = self.choose, self.choose.one_of(tuple(HaltScope))
        target = choose.one_of(GROUPS) if scope is HaltScope.GROUP else self.account()
        tenant = choose.one_of((None, TENANT, ELSEWHERE))
        revision = choose.below(4)
        if choose.once_in(3):
            mode = choose.one_of(tuple(HaltMode))
            self.ask(
                Halt(
                    scope=scope,
                    target=target,
                    mode=mode,
                    subject="operator",
                    tenant=tenant,
                    revision=revision,
                )
            )
        else:
            for key in list(self.machine.state.halts):
                held, _, name = key.partition(":")
                self.ask(Resume(scope=HaltScope(held), target=name, subject="operator", tenant=tenant))

    def reset(self) -> None:
        """Whatever guards have stopped, or one that nobody knows."""
        state = self.machine.state
        holds = [*state.guard_holds.values()]
        holds += [hold for account in state.accounts.values() for hold in account.guard_holds.values()]
        for hold in holds:
            self.ask(
                ResetGuard(
                    scope=hold.scope,
                    target=hold.target,
                    name=hold.name,
                    subject="operator",
                    tenant=self.choose.one_of((None, TENANT, ELSEWHERE)),
                    account=self.account() if self.choose.once_in(5) else None,
                )
            )
        if not holds:
            scope = self.choose.one_of(tuple(SettingsScope))
            self.ask(ResetGuard(scope=scope, target="nobody", name="none", subject="operator"))

    def decide_proposal(self) -> None:
        choose, account = self.choose, self.account()
        waiting = list(self.machine.state.accounts[account].proposals)
        proposal = choose.one_of(waiting) if waiting and not choose.once_in(12) else ProposalId("x-unknown")
        tenant = choose.one_of((None, TENANT, ELSEWHERE)) if choose.once_in(8) else None
        self.ask(
            DecideProposal(
                account=account,
                proposal=proposal,
                approve=not choose.once_in(3),
                subject="operator",
                tenant=tenant,
            )
        )

    def operate(self) -> None:
        choose, account = self.choose, self.account()
        tickets = [None, 1, *self.machine.state.accounts[account].following.by_position]
        self.ask(
            PlaceOperatorOrder(
                account=account,
                subject="operator",
                action=choose.one_of(tuple(OrderAction)),
                symbol=SYMBOLS[0],
                side=choose.one_of(tuple(Side)),
                volume=choose.lots(),
                ticket=choose.one_of(tickets),
            )
        )
