"""How a leader's book follows its own signals."""

from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.legs import Leg, leg_of_order, reduced
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Signal, SignalAction
from kopitra.machine.events import CopyPlanned, Recorded, SignalDeferred, SignalIgnored
from kopitra.machine.state import LeaderBook, LeaderPosition, State

OPENING = frozenset({SignalAction.OPEN, SignalAction.PENDING_PLACED})
REDUCING = frozenset({SignalAction.PARTIAL_CLOSE, SignalAction.CLOSE_BY})
ENDING = frozenset({SignalAction.CLOSE, SignalAction.PENDING_CANCELLED})
GROWING = frozenset({SignalAction.INCREASE, SignalAction.REVERSE})
"""What begins a new leg of a position."""


def ends_position(signal: Signal) -> bool:
    return signal.action in ENDING or (signal.action is SignalAction.CLOSE_BY and not signal.volume_after)


def position_of(book: LeaderBook, signal: Signal) -> LeaderPosition | None:
    """The position that an intent is about: of its order as long as that rests, else of its position."""
    for ref in (signal.order_ref, signal.position_ref):
        if ref is not None:
            position = book.positions.get(book.aliases.get(ref, ref))
            if position is not None:
                return position
    return None


def is_own_fill(position: LeaderPosition, signal: Signal) -> bool:
    """Whether this increase is one more fill of a pending order that the followers have had from the start."""
    return (
        signal.action is SignalAction.INCREASE and leg_of_order(position.legs, signal.order_ref) is not None
    )


def advance_stream(book: LeaderBook, signal: Signal) -> None:
    """The stream's last ordinal; a late signal of the same stream does not turn it back."""
    if signal.stream_id != book.stream_id:
        book.stream_id, book.ordinal = signal.stream_id, signal.ordinal
    elif signal.ordinal > book.ordinal:
        book.ordinal = signal.ordinal


def follow(state: State, event: CopyPlanned, recorded: Recorded) -> LeaderPosition | None:
    """Apply a planned signal to its leader's book; None where a tombstone kept the position from ever living."""
    book = state.accounts[event.account].leading
    signal = event.signal
    if not event.healed:
        advance_stream(book, signal)
    if event.gap_after is not None:
        book.gaps += 1
    if signal.deal_id is not None:
        book.deals.add(str(signal.deal_id))
    if signal.action in OPENING:
        position = _begin(book, event, recorded)
    else:
        position = _joined(state, book, event, recorded)
        if position is None:
            position = position_of(book, signal)
            assert position is not None, "only an open is planned of what nobody knows"
            _change(book, position, event, recorded)
    if position is None:
        return None
    position.sequence = recorded.last
    position.runs.add(event.run)
    position.last_signal = signal.signal_id
    if not event.healed:
        position.stream_id, position.ordinal = signal.stream_id, signal.ordinal
    _forget_suspicion(book, position)
    return position


def _begin(book: LeaderBook, event: CopyPlanned, recorded: Recorded) -> LeaderPosition | None:
    signal = event.signal
    if signal.position_ref in book.tombstones:
        book.tombstones.discard(signal.position_ref)
        book.finished[signal.position_ref] = recorded.last
        return None
    position = LeaderPosition(
        position_ref=signal.position_ref,
        symbol=signal.symbol,
        side=signal.side,
        order_type=signal.order_type,
        opened=signal.volume,
        volume=signal.volume,
        run=event.run,
        opened_at=recorded.at,
        legs={0: Leg(signal.volume, signal.volume, recorded.at, signal.price, age_ms=event.age_ms)},
        pending=signal.action is SignalAction.PENDING_PLACED,
        price=signal.price,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        adopted=event.healed,
        depth=event.depth,
        age_ms=event.age_ms,
        magic=signal.magic,
    )
    former = book.positions.get(signal.position_ref)
    if former is not None:  # known from a snapshot, and its own signal has come after all
        position.copies, position.paper = former.copies, former.paper
        position.joined, position.unopened = former.joined, former.unopened
        position.generation = former.generation
    book.positions[signal.position_ref] = position
    book.extra.pop(signal.position_ref, None)
    return position


def _joined(state: State, book: LeaderBook, event: CopyPlanned, recorded: Recorded) -> LeaderPosition | None:
    """A pending order of a netting leader that was filled into a position that was there before: it becomes one more
    leg of that position, and its copies are copies of that leg. None where it opened a position of its own."""
    signal = event.signal
    order = book.positions.get(signal.order_ref) if signal.order_ref is not None else None
    position = book.positions.get(book.aliases.get(signal.position_ref, signal.position_ref))
    if signal.action is not SignalAction.PENDING_FILLED or order is None or position in (None, order):
        return None
    assert position is not None
    number = _new_leg(position, event, recorded, opened=order.opened, order_ref=order.position_ref)
    position.volume = signal.volume_after
    position.runs |= order.runs
    for copy in (*state.copies_of(order), *state.papers_of(order)):
        copy.position_ref, copy.leg = position.position_ref, number
    position.copies.extend(order.copies)
    position.paper.extend(order.paper)
    del book.positions[order.position_ref]
    book.aliases[order.position_ref] = position.position_ref
    _forget_suspicion(book, order)
    return position


def _new_leg(
    position: LeaderPosition,
    event: CopyPlanned,
    recorded: Recorded,
    *,
    opened: Decimal | None = None,
    order_ref: PositionRef | None = None,
) -> int:
    """Begin a leg with the lots that this signal added; its number."""
    signal = event.signal
    volume = signal.volume_after if signal.action is SignalAction.REVERSE else signal.volume
    position.generation += 1
    position.opened += volume if opened is None else opened
    position.legs[position.generation] = Leg(
        volume if opened is None else opened, volume, recorded.at, signal.price, order_ref, event.age_ms
    )
    return position.generation


def _change(book: LeaderBook, position: LeaderPosition, event: CopyPlanned, recorded: Recorded) -> None:
    signal = event.signal
    match signal.action:
        case SignalAction.MODIFY:
            position.stop_loss, position.take_profit = signal.stop_loss, signal.take_profit
        case SignalAction.PENDING_MODIFIED:
            position.price = signal.price
            position.stop_loss, position.take_profit = signal.stop_loss, signal.take_profit
            position.legs = {
                n: msgspec.structs.replace(g, price=signal.price) for n, g in position.legs.items()
            }
        case SignalAction.PENDING_FILLED:
            position.pending = False
            position.volume = signal.volume
            position.legs = {
                0: Leg(
                    position.opened,
                    signal.volume,
                    recorded.at,
                    signal.price,
                    position.position_ref,
                    event.age_ms,
                )
            }
            if signal.position_ref != position.position_ref:
                book.aliases[signal.position_ref] = position.position_ref
        case SignalAction.INCREASE:
            filling = leg_of_order(position.legs, signal.order_ref)
            if filling is None:
                _new_leg(position, event, recorded)
            else:
                leg = position.legs[filling]
                position.legs[filling] = msgspec.structs.replace(leg, left=leg.left + signal.volume)
            position.volume = signal.volume_after
        case SignalAction.REVERSE:
            position.side = signal.side
            position.opened, position.legs = ZERO, {}
            _new_leg(position, event, recorded)
            position.volume = signal.volume_after
            position.stop_loss, position.take_profit = signal.stop_loss, signal.take_profit
        case _:
            position.volume = signal.volume_after
            position.legs = reduced(position.legs, signal.volume_after)


def finish(book: LeaderBook, position: LeaderPosition, sequence: int) -> None:
    """The leader's position has ended; its refs never plan again."""
    book.positions.pop(position.position_ref, None)
    book.finished[position.position_ref] = sequence
    for alias in [a for a, ref in book.aliases.items() if ref == position.position_ref]:
        del book.aliases[alias]
        book.finished[alias] = sequence


def _forget_suspicion(book: LeaderBook, position: LeaderPosition) -> None:
    if book.missing:
        ref = position.position_ref
        for key in [k for k in book.missing if k == ref or k.startswith(ref + "|")]:
            del book.missing[key]


def deferred(state: State, event: SignalDeferred, recorded: Recorded) -> None:
    book = state.accounts[event.account].leading
    advance_stream(book, event.signal)
    if ends_position(event.signal):
        book.tombstones.add(PositionRef(event.signal.position_ref))


def ignored(state: State, event: SignalIgnored, recorded: Recorded) -> None:
    advance_stream(state.accounts[event.account].leading, event.signal)
