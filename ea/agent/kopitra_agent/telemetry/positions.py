"""The whole book as the counterparty compares it with what it believes, taken at one moment and cut into parts."""

from collections.abc import Sequence

import msgspec

from kopitra.domain.orders import OrderType
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.protocol.events import InboxType
from kopitra_agent.ports.terminal import PendingOrder, Position, TerminalAccount
from kopitra_agent.telemetry.parcel import inbox_body, inbox_event
from kopitra_agent.telemetry.parts import PART_BYTES, in_parts


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """What one snapshot tells. `account` belongs to the same moment; see `PositionSnapshot` for the rest."""

    account: TerminalAccount
    positions: Sequence[Position]
    orders: Sequence[PendingOrder]
    stream_id: str | None = None
    ordinal: int = 0
    applied_through: int = 0
    executing: Sequence[str] = ()

    def content(self) -> tuple[object, ...]:
        """What makes two snapshots differ."""
        return (
            list(self.positions),
            list(self.orders),
            self.account.login,
            self.account.connected,
            self.account.synchronised,
        )


def snapshot_bodies(view: BookView, snapshot_id: str) -> list[bytes]:
    """The inbox bodies of one set, in order; positions and orders are cut together, so that a part may hold both."""
    held = [held_position(p) for p in view.positions]
    resting = [held_order(o) for o in view.orders]
    executing = list(view.executing)
    spare = len(msgspec.json.encode(executing))
    parts = in_parts([*held, *resting], limit=max(PART_BYTES - spare, PART_BYTES // 2))
    return [
        inbox_body(
            [inbox_event(InboxType.POSITION_SNAPSHOT, _part(view, snapshot_id, part, number, len(parts)))]
        )
        for number, part in enumerate(parts, 1)
    ]


def _part(
    view: BookView, snapshot_id: str, held: list[HeldPosition], number: int, parts: int
) -> PositionSnapshot:
    account = view.account
    return PositionSnapshot(
        login=account.login,
        server=account.server,
        connected=account.connected,
        synchronised=account.synchronised,
        snapshot_id=snapshot_id,
        positions=[h for h in held if h.order_type is OrderType.MARKET],
        orders=[h for h in held if h.order_type is not OrderType.MARKET],
        stream_id=view.stream_id,
        taken_at_ordinal=view.ordinal,
        applied_through=view.applied_through,
        executing=list(view.executing),
        part=number,
        parts=parts,
    )


def held_position(position: Position) -> HeldPosition:
    return HeldPosition(
        ticket=position.ticket,
        position_id=position.position_id,
        symbol=position.symbol,
        side=position.side,
        volume=position.volume,
        price=position.open_price,
        open_time=position.opened_at,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        magic=position.magic,
        comment=position.comment,
    )


def held_order(order: PendingOrder) -> HeldPosition:
    return HeldPosition(
        ticket=order.ticket,
        position_id=order.position_id or order.ticket,
        symbol=order.symbol,
        side=order.side,
        volume=order.volume,
        price=order.price,
        open_time=order.placed_at,
        order_type=order.order_type,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        order_expires_at=order.expires_at,
        magic=order.magic,
        comment=order.comment,
    )
