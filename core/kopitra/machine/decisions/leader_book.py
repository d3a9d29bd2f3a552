"""What a leader's snapshot heals: lost closes, lost changes of stops, and opens that nobody announced."""

from collections.abc import Iterator

import msgspec

from kopitra.domain.identifiers import PositionRef, ProposalId, RunId, SignalId, derived_id
from kopitra.domain.orders import OrderType
from kopitra.domain.skips import SkipReason
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.domain.trading import LeaderFigures, Signal, SignalAction
from kopitra.machine.decisions.agreement import agreed
from kopitra.machine.decisions.chains import copy_with, depth_of, relays
from kopitra.machine.decisions.growing import decide_later, missed_leg
from kopitra.machine.decisions.identity import is_own_magic, run_of
from kopitra.machine.decisions.opening import Opening
from kopitra.machine.events import AnyEvent, CopyPlanned, Proposal, ProposalKind
from kopitra.machine.evolutions.leading import GROWING, position_of
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, LeaderPosition, State

RESTING = "o"
"""Before a resting order's ticket, in its ref."""
LONG_AGO_MS = 24 * 60 * 60 * 1000
"""The age of what happened nobody knows when: nothing new may be opened for it."""


class LeaderFindings(msgspec.Struct):
    """`changes` counts what would change; `missing` and `extra` are this snapshot's suspicions; `heals` are intents on
    which two snapshots agree and that would take something away, `events` all that takes nothing away."""

    missing: tuple[str, ...] = ()
    extra: tuple[PositionRef, ...] = ()
    events: list[AnyEvent] = []
    heals: list[Proposal] = []
    changes: int = 0


def examine_leader(
    state: State, account: Account, snapshot: PositionSnapshot, context: Context
) -> LeaderFindings:
    """Compare a believable snapshot with what the leader's signals have said."""
    book = account.leading
    if not book.positions and account.account not in state.by_leader:
        return LeaderFindings()
    held = _held(account, snapshot)
    findings = LeaderFindings()
    missing: list[str] = []
    for position in book.positions.values():
        seen = held.pop(position.position_ref, None)
        seen = seen or _under_alias(account, position, held)
        filled_as = _ref_of_fill(position, held) if seen is None else None
        if filled_as is not None:
            for key, signal in _filled(account, position, filled_as, held.pop(filled_as), context):
                missing.append(key)
                _suspect(state, account, position, key, signal, findings, context)
            continue
        event = _difference(state, account, position, seen, missing, findings, context)
        if event is not None:
            findings.events.append(event)
    extra = [ref for ref, seen in held.items() if _is_news(state, account, ref, seen)]
    for ref in extra:
        if agreed(book.extra.get(ref), context):
            findings.events.append(_adopted(state, account, ref, held[ref], context))
    findings.missing = tuple(missing)
    findings.extra = tuple(extra)
    return findings


def position_ref(server: str, login: int, held: HeldPosition) -> PositionRef:
    """Scoped by broker server and login."""
    name = str(held.position_id) if held.order_type is OrderType.MARKET else f"{RESTING}{held.ticket}"
    return PositionRef(f"{server}:{login}:{name}")


def _held(account: Account, snapshot: PositionSnapshot) -> dict[PositionRef, HeldPosition]:
    return {
        position_ref(snapshot.server, snapshot.login, held): held
        for held in (*snapshot.positions, *snapshot.orders)
    }


def _under_alias(
    account: Account, position: LeaderPosition, held: dict[PositionRef, HeldPosition]
) -> HeldPosition | None:
    for alias, ref in account.leading.aliases.items():
        if ref == position.position_ref and alias in held:
            return held.pop(alias)
    return None


def _is_news(state: State, account: Account, ref: PositionRef, held: HeldPosition) -> bool:
    """A copy of the account's own is none, unless it is copied on."""
    if ref in account.leading.finished:
        return False
    if not is_own_magic(held.magic, account.following):
        return True
    return copy_with(account, held.magic) is not None and relays(state, account)


def _difference(
    state: State,
    account: Account,
    position: LeaderPosition,
    seen: HeldPosition | None,
    missing: list[str],
    findings: LeaderFindings,
    context: Context,
) -> AnyEvent | None:
    if seen is None:
        key = str(position.position_ref)
        action = SignalAction.PENDING_CANCELLED if position.pending else SignalAction.CLOSE
        changed = _as_signal(account, position, action, None, context)
    elif (seen.volume != position.volume and not position.pending) or seen.side is not position.side:
        key = f"{position.position_ref}|{seen.side}|{seen.volume}"
        changed = _as_signal(account, position, _what_happened(position, seen), seen, context)
    else:
        return _stops_healed(state, account, position, seen, context)
    findings.changes += 1
    missing.append(key)
    healed = _suspect(state, account, position, key, changed, findings, context)
    if not healed or seen is None or seen.side is not position.side:
        return None
    seen = msgspec.structs.replace(seen, volume=position.volume)
    return _stops_healed(state, account, position, seen, context)


def _stops_healed(
    state: State, account: Account, position: LeaderPosition, seen: HeldPosition, context: Context
) -> AnyEvent | None:
    """At once; together with a healed volume, for once that agrees nobody may look again for long."""
    if (seen.stop_loss, seen.take_profit) == (position.stop_loss, position.take_profit):
        return None
    action = SignalAction.PENDING_MODIFIED if position.pending else SignalAction.MODIFY
    signal = _as_signal(account, position, action, seen, context)
    return _healed(state, account, position, signal, context)


def _suspect(
    state: State,
    account: Account,
    position: LeaderPosition,
    key: str,
    changed: Signal,
    findings: LeaderFindings,
    context: Context,
) -> bool:
    """What two snapshots agree on is healed; whether they do."""
    if not agreed(account.leading.missing.get(key), context):
        return False
    findings.heals.append(_proposal(state, account, position, key, changed, context))
    return True


def _ref_of_fill(position: LeaderPosition, held: dict[PositionRef, HeldPosition]) -> PositionRef | None:
    """Under which ref the book has what a pending order that is not in it any more was filled into: the position that
    an order opens has its ticket (docs/decisions/0208)."""
    scope, _, name = position.position_ref.rpartition(":")
    ref = PositionRef(f"{scope}:{name.removeprefix(RESTING)}")
    return ref if position.pending and name.startswith(RESTING) and ref in held else None


def heal(state: State, account: Account, signal: Signal, context: Context) -> list[AnyEvent]:
    """What follows from an intent that the leader's agent should have sent; nothing if its position is gone by now."""
    position = position_of(account.leading, signal)
    return [_healed(state, account, position, signal, context)] if position is not None else []


def _proposal(
    state: State, account: Account, position: LeaderPosition, key: str, signal: Signal, context: Context
) -> Proposal:
    ground = f"{ProposalKind.HEAL}|{key}"
    since = account.leading.missing[key].isoformat()
    return Proposal(
        proposal=ProposalId(derived_id("x-", state.shard, account.account, ground, since)),
        account=account.account,
        kind=ProposalKind.HEAL,
        ground=ground,
        cause=f"lost_{signal.action}",
        at=context.now,
        leader=account.account,
        position_ref=position.position_ref,
        signal=signal,
    )


def _what_happened(position: LeaderPosition, seen: HeldPosition) -> SignalAction:
    """To a position whose side or volume is another by now."""
    if seen.side is not position.side:
        return SignalAction.REVERSE
    return SignalAction.PARTIAL_CLOSE if seen.volume < position.volume else SignalAction.INCREASE


def _as_signal(
    account: Account,
    position: LeaderPosition,
    action: SignalAction,
    seen: HeldPosition | None,
    context: Context,
) -> Signal:
    """The intent that the leader's agent should have sent."""
    volume_after = seen.volume if seen is not None else position.volume * 0
    stops = (
        (seen.stop_loss, seen.take_profit) if seen is not None else (position.stop_loss, position.take_profit)
    )
    name = derived_id(
        "heal-", position.position_ref, action, str(volume_after), str(stops), str(position.sequence)
    )
    figures = context.readings.figures.get(account.account)
    return Signal(
        signal_id=SignalId(name),
        action=action,
        position_ref=position.position_ref,
        symbol=position.symbol,
        side=seen.side if seen is not None else position.side,
        order_type=position.order_type,
        volume=abs(position.volume - volume_after) or position.volume,
        volume_before=position.volume,
        volume_after=volume_after,
        price=seen.price if seen is not None else None,
        stop_loss=stops[0],
        take_profit=stops[1],
        account=LeaderFigures(
            balance=figures.balance if figures is not None else position.volume * 0,
            currency=figures.currency if figures is not None else "",
        ),
        occurred_at=context.now,
        stream_id=position.stream_id,
        ordinal=position.ordinal,
    )


def _filled(
    account: Account, position: LeaderPosition, ref: PositionRef, seen: HeldPosition, context: Context
) -> Iterator[tuple[str, Signal]]:
    """The suspicions and the intents: an order that was filled whole, and what was taken off its position since."""
    signal = _as_signal(account, position, SignalAction.PENDING_FILLED, seen, context)
    yield (
        f"{position.position_ref}|filled",
        msgspec.structs.replace(
            signal,
            position_ref=ref,
            order_ref=position.position_ref,
            volume=position.volume,
            volume_before=position.volume * 0,
            volume_after=position.volume,
            age_ms=LONG_AGO_MS,
        ),
    )
    if seen.volume < position.volume:
        taken = _as_signal(account, position, SignalAction.PARTIAL_CLOSE, seen, context)
        yield f"{position.position_ref}|filled|{seen.volume}", taken


def _healed(
    state: State, account: Account, position: LeaderPosition, signal: Signal, context: Context
) -> CopyPlanned:
    run = RunId(derived_id("r-", state.shard, account.account, signal.signal_id))
    decide = missed_leg if signal.action in GROWING else decide_later
    decisions = decide(state, account, position, signal, run, context)
    return CopyPlanned(
        account=account.account,
        run=run,
        signal=signal,
        age_ms=signal.age_ms,
        decisions=decisions,
        healed=True,
    )


def _adopted(
    state: State, account: Account, ref: PositionRef, held: HeldPosition, context: Context
) -> CopyPlanned:
    """A position that no signal announced: known from now on, copied by nobody."""
    pending = held.order_type is not OrderType.MARKET
    figures = context.readings.figures.get(account.account)
    signal = Signal(
        signal_id=SignalId(derived_id("adopt-", ref)),
        action=SignalAction.PENDING_PLACED if pending else SignalAction.OPEN,
        position_ref=ref,
        symbol=held.symbol,
        side=held.side,
        order_type=held.order_type,
        volume=held.volume,
        volume_after=held.volume,
        price=held.price,
        stop_loss=held.stop_loss,
        take_profit=held.take_profit,
        magic=held.magic,
        account=LeaderFigures(
            balance=figures.balance if figures is not None else held.volume * 0,
            currency=figures.currency if figures is not None else "",
        ),
        occurred_at=held.open_time,
        stream_id=account.leading.stream_id,
        ordinal=account.leading.ordinal,
    )
    run = run_of(state, account.account, signal)
    opening = Opening(state, account, signal, run, context)
    decisions = opening.skip_all(SkipReason.MISSED_OPEN, "known from a snapshot only")
    return CopyPlanned(
        account=account.account,
        run=run,
        signal=signal,
        age_ms=0,
        decisions=decisions,
        healed=True,
        depth=depth_of(state, account, held.magic),
    )
