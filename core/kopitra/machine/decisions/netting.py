"""The virtual book of a netting follower: what its one position in a symbol should hold, and the orders that take
copies off it.

MetaTrader keeps one position per symbol on such an account, so that copies of several trades, and whatever the owner
trades by hand, are one net volume there. Here each copy keeps its own volume; what is left is the owner's. Volumes in
lots, long positive.
"""

from collections.abc import Collection
from decimal import Decimal

from kopitra.domain.identifiers import AccountId, CommandId, CopyId
from kopitra.domain.orders import MarginMode, OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.events import ProposalKind
from kopitra.machine.state import Account, Copy, State

STOPS_HELD_BY_LEADER = "stops_held_by_leader"
"""Why a copy has no stops at its broker: they would be those of the whole net position, and close what others have."""


def is_netting(account: Account) -> bool:
    return account.mode is MarginMode.NETTING


def signed(side: Side, volume: Decimal) -> Decimal:
    return volume if side is Side.BUY else -volume


def live_net(account: Account, symbol: str) -> Decimal:
    """What copies and manual volume come to, as far as reports have told."""
    known = account.following.nets.get(symbol)
    net = known.manual if known is not None else ZERO
    for copy in account.following.copies.values():
        if copy.symbol == symbol and copy.live:
            net += signed(copy.side, copy.live_volume)
    return net


def expected_net(account: Account, symbol: str) -> Decimal:
    """As `live_net`, with every command that is under way carried out in full."""
    known = account.following.nets.get(symbol)
    net = known.manual if known is not None else ZERO
    for copy in account.following.copies.values():
        if copy.symbol == symbol and copy.live:
            net += signed(copy.side, volume_to_come(account, copy))
    return net


def volume_to_come(account: Account, copy: Copy) -> Decimal:
    """Lots that the copy holds once its commands under way are carried out in full."""
    volume = copy.live_volume
    for command in copy.outstanding:
        sequence = account.commands.get(command)
        item = account.outbox[sequence] if sequence is not None else None
        if (
            item is None or item.order is None or item.due_from is not None
        ):  # a delayed open may come long after
            continue
        order = item.order
        if order.action is OrderAction.OPEN and order.order_type is OrderType.MARKET:
            volume = max(volume, order.volume)
        elif order.action is OrderAction.OFFSET:
            volume = min(volume, order.target_volume or ZERO)
    return volume


def is_shared(account: Account, symbol: str, without: Collection[CopyId] = ()) -> bool:
    """Whether anything but the copies in `without`, and those that are being closed, is in the position or may come."""
    known = account.following.nets.get(symbol)
    if known is not None and known.manual:
        return True
    return any(
        copy.symbol == symbol and copy.live and not copy.closing and copy.copy_id not in without
        for copy in account.following.copies.values()
    )


def is_net_in_doubt(account: Account, symbol: str) -> bool:
    """Whether snapshots show another net position than copies and manual volume come to."""
    return any(doubt.startswith(f"{ProposalKind.NET}|{symbol}|") for doubt in account.following.doubts)


class NetOrders:
    """The offsets of one event, in the order in which they are asked for: each counts on those before it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._nets: dict[tuple[AccountId, str], Decimal] = {}
        self._volumes: dict[CopyId, Decimal] = {}

    def know(self, account: AccountId, symbol: str, net: Decimal) -> None:
        """What the net position is known to be, whatever the state says."""
        self._nets[account, symbol] = net

    def volume_to_come(self, account: Account, copy: Copy) -> Decimal:
        """As the function of this name, with the offsets that were asked for here."""
        known = self._volumes.get(copy.copy_id)
        return volume_to_come(account, copy) if known is None else known

    def brings_down(self, copy: Copy) -> bool:
        """Whether an offset of this copy was asked for here."""
        return copy.copy_id in self._volumes

    def offset(self, copy: Copy, target: Decimal, command: CommandId) -> Order:
        """Bring a copy down to `target` lots."""
        account = self._state.accounts[copy.follower]
        side = copy.side.opposite
        before = self._nets.get((account.account, copy.symbol))
        if before is None:
            before = expected_net(account, copy.symbol)
        held = self.volume_to_come(account, copy)
        if not held and not copy.filled and not self.brings_down(copy):
            # Of unknown fate: without it the net will not be as expected.
            held = copy.planned_volume
            before += signed(copy.side, held)
        volume = held - target
        self._volumes[copy.copy_id] = target
        self._nets[account.account, copy.symbol] = before + signed(side, volume)
        return Order(
            command_id=command,
            copy_id=copy.copy_id,
            opens_command_id=copy.opens,
            action=OrderAction.OFFSET,
            symbol=copy.symbol,
            side=side,
            volume=volume,
            target_volume=target,
            magic=copy.magic,
            comment=copy.comment,
            expected_net_before=before,
        )
