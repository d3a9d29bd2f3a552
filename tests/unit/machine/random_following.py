"""What followers' terminals in a random world tell: figures, acknowledgements, deals and snapshots, right or not."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, EventId
from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.domain.telemetry import AccountSnapshot, HeldPosition, OutboxAck, PositionSnapshot
from kopitra.domain.trading import AckStatus, Execution, ExecutionStatus
from kopitra.machine.commands import TakeAck, TakeExecution, TakeFigures, TakeSnapshot
from kopitra.machine.decisions.netting import live_net
from kopitra.machine.decisions.reissuing import NOT_FOUND
from kopitra.machine.readings import Figures
from kopitra.machine.state import FIRST_MAGIC, Account, Copy, CopyStatus, LeaderPosition
from kopitra.simulation.draws import Draws
from tests.unit.machine.random_leading import LOGIN, SERVER, LeadingWorld
from tests.unit.machine.random_world import FOLLOWERS, LEADERS, SYMBOLS

NETTER = FOLLOWERS[2]
ORDINARY_ACKS = (AckStatus.EXECUTED,) * 4 + tuple(AckStatus)
FILLING = (ExecutionStatus.FILLED,) * 5 + tuple(ExecutionStatus)


class FollowingWorld(LeadingWorld):
    def __init__(self, draws: Draws) -> None:
        super().__init__(draws)
        self.strangers: dict[AccountId, list[HeldPosition]] = {}
        self.deals: list[tuple[AccountId, Execution]] = []

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
            reason=choose.one_of((None, None, "already_filled", NOT_FOUND)),
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
        choose = self.choose
        account_id = AccountId(NETTER) if choose.once_in(5) else self.account()
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
        if choose.once_in(2):
            self._again(account_id, snapshot)

    def _again(self, account: AccountId, snapshot: PositionSnapshot) -> None:
        """The same book a little later, so that the two agree."""
        self.machine.now += timedelta(seconds=6)
        for _ in range(1 + self.choose.below(2)):
            again = msgspec.structs.replace(
                snapshot,
                snapshot_id=f"p{self.fresh()}",
                applied_through=self.machine.state.sequence,
                taken_at_ordinal=self.machine.state.accounts[account].leading.ordinal,
            )
            self.ask(TakeSnapshot(account=account, snapshot=again, digest=again.snapshot_id))
            self.machine.now += timedelta(seconds=6)

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
            magic = self.choose.one_of((0, 0, FIRST_MAGIC, account.following.next_magic - 1))
            volume, side = self._of_a_leader() if self.choose.once_in(2) else (Decimal("0.05"), Side.BUY)
            held = self._held(800_000 + self.fresh(), magic, volume)
            strangers.append(msgspec.structs.replace(held, side=side))
        return strangers

    def _of_a_leader(self) -> tuple[Decimal, Side]:
        """Volume and side of a trade that this position may be a copy of."""
        accounts = self.machine.state.accounts
        led = [
            position for name in LEADERS for position in accounts[AccountId(name)].leading.positions.values()
        ]
        position = self.choose.one_of(led) if led else None
        return (position.volume, position.side) if position is not None else (Decimal("0.30"), Side.SELL)

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
