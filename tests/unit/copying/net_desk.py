"""A follower's EA and broker in one, hedging or netting: carries out what it is told as protocol.md says, and can be
traded on by hand. Whoever uses it decides when commands are fetched, and what goes wrong."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import AccountId, ProposalId
from kopitra.domain.orders import DealEntry, DealReason, MarginMode, Side
from kopitra.domain.telemetry import AccountSnapshot, HeldPosition
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.outcome import Decision
from kopitra.machine.state import Copy
from tests.unit.copying.world import World, lots

ZERO = Decimal(0)
NET_TICKET = 900
REDUCES = (OrderAction.OFFSET, OrderAction.CLOSE, OrderAction.PARTIAL_CLOSE, OrderAction.CANCEL)


def use_netting(world: World, account: AccountId) -> None:
    """The EA's account snapshot says that the account nets."""
    snapshot = AccountSnapshot(
        login=77, server="Broker", balance=lots(10000), currency="USD", mode=MarginMode.NETTING
    )
    world.do(commands.TakeFigures(account=account, snapshot=snapshot))


class Desk:
    def __init__(self, world: World, account: AccountId, *, netting: bool) -> None:
        self.world = world
        self.account = account
        self.netting = netting
        self.net: dict[str, Decimal] = {}
        self.positions: dict[int, tuple[Side, Decimal]] = {}
        """By magic number, of a hedging account."""
        self.trades: list[tuple[OrderAction, Side, Decimal]] = []
        self.refused: list[Order] = []
        """Offsets that met another net than they expected."""
        if netting:
            use_netting(world, account)

    @property
    def exposure(self) -> Decimal:
        """Lots of everything, long positive."""
        if self.netting:
            return sum(self.net.values(), ZERO)
        return sum((signed(side, volume) for side, volume in self.positions.values()), ZERO)

    def copies(self) -> list[Copy]:
        book = self.world.state.accounts[self.account].following
        return [copy for copy in book.copies.values() if copy.live]

    def held(self) -> list[tuple[Side, Decimal]]:
        return [(copy.side, copy.live_volume) for copy in self.copies()]

    def manual(self, symbol: str = "EURUSD") -> Decimal:
        known = self.world.state.accounts[self.account].following.nets.get(symbol)
        return known.manual if known is not None else ZERO

    def work(self) -> list[Order]:
        """Fetch and do everything, closes first, but first in first out for each copy; what was fetched."""
        orders = self.world.fetch(self.account)
        waiting = list(orders)
        while waiting:
            first = {order.copy_id: order for order in reversed(waiting)}
            order = min(first.values(), key=lambda order: (order.action not in REDUCES, waiting.index(order)))
            waiting.remove(order)
            if self.world.state.accounts[self.account].commands.get(order.command_id) is not None:
                self.carry_out(order, waiting)
        return orders

    def carry_out(self, order: Order, waiting: list[Order] | None = None) -> None:
        match order.action:
            case OrderAction.OFFSET if not self.expects(order, waiting or []):
                self.refused.append(order)
                self.world.ack(self.account, order, AckStatus.DEFERRED, reason="net_mismatch")
                return
            case OrderAction.OPEN | OrderAction.OFFSET:
                self.trade(order, order.volume)
            case OrderAction.CLOSE | OrderAction.PARTIAL_CLOSE:
                excess = self.positions[order.magic][1] - (order.target_volume or ZERO)
                if excess > ZERO:
                    self.trade(order, excess)
            case _:
                pass
        self.world.ack(self.account, order)

    def expects(self, order: Order, waiting: list[Order]) -> bool:
        """Whether the net is what the order counts on, less what was ordered before it and is not done yet."""
        sequences = self.world.state.accounts[self.account].commands
        mine = sequences[order.command_id]
        before = [
            other
            for other in waiting
            if other.symbol == order.symbol and sequences.get(other.command_id, mine) < mine
        ]
        undone = sum((signed(other.side, other.volume) for other in before), ZERO)
        assert order.expected_net_before is not None
        return self.net.get(order.symbol, ZERO) == order.expected_net_before - undone

    def trade(self, order: Order, volume: Decimal, *, tell: bool = True) -> None:
        """The broker trades so many lots of an order, and the EA tells the deal."""
        closes = order.action in REDUCES
        side = order.side.opposite if closes and not self.netting else order.side
        entry = DealEntry.OUT if closes else DealEntry.IN
        if self.netting:
            entry = self._change_net(order.symbol, signed(side, volume))
        else:
            held = self.positions.get(order.magic, (order.side, ZERO))[1]
            self.positions[order.magic] = (order.side, held - volume if closes else held + volume)
        self.trades.append((order.action, side, volume))
        if tell:
            position = NET_TICKET if self.netting else order.magic
            self.world.deal(self.account, order, entry, volume, position, side=side)

    def _change_net(self, symbol: str, change: Decimal) -> DealEntry:
        before = self.net.get(symbol, ZERO)
        self.net[symbol] = before + change
        if before * change >= ZERO:
            return DealEntry.IN
        return DealEntry.INOUT if abs(change) > abs(before) else DealEntry.OUT

    # -- what the owner does -------------------------------------------------------------------------------------------

    def by_hand(
        self, side: Side, volume: str, reason: DealReason = DealReason.CLIENT, *, tell: bool = True
    ) -> None:
        """A trade of the owner's on a netting account."""
        entry = self._change_net("EURUSD", signed(side, lots(volume)))
        if tell:
            self.world.deal(self.account, None, entry, lots(volume), NET_TICKET, reason, side=side)

    def snapshot(self) -> Decision:
        return self.world.snapshot(self.account, *self._shown())

    def approve(self, proposal: ProposalId) -> None:
        self.world.do(
            commands.DecideProposal(account=self.account, proposal=proposal, approve=True, subject="ada")
        )

    def agree(self) -> None:
        """Two snapshots, far enough apart."""
        self.snapshot()
        self.world.later(6)
        self.snapshot()

    def _shown(self) -> Iterator[HeldPosition]:
        if not self.netting:
            for magic, (side, volume) in self.positions.items():
                if volume:
                    yield self.world.held(magic, str(volume), magic, side=side)
            return
        for symbol, net in self.net.items():
            if net:
                side = Side.BUY if net > ZERO else Side.SELL
                yield self.world.held(NET_TICKET, str(abs(net)), symbol=symbol, side=side)

    def settle(self, rounds: int = 20) -> None:
        """Work, tell and wait until nothing is left to do."""
        account = self.world.state.accounts[self.account]
        for _ in range(rounds):
            self.work()
            self.agree()
            self.work()
            self.world.later(60)
            self.world.tick()
            idle = (
                not self.world.outbox(self.account) and not account.held_back and not account.following.doubts
            )
            if idle or account.proposals:
                return
        raise AssertionError(f"not settled: {msgspec.to_builtins(list(account.held_back.values()))}")


def signed(side: Side, volume: Decimal) -> Decimal:
    return volume if side is Side.BUY else -volume


def opened(desk: Desk, ref: str, volume: str = "1", side: Side = Side.BUY, **more: Any) -> Copy:
    """The copy of a leader's new trade, filled."""
    desk.world.send(SignalAction.OPEN, ref, volume=lots(volume), volume_after=lots(volume), side=side, **more)
    desk.work()
    return desk.copies()[-1]


def close(desk: Desk, ref: str, volume: str = "1") -> Order:
    [decision] = desk.world.send(SignalAction.CLOSE, ref, volume=lots(volume))
    assert decision.order is not None
    return decision.order
