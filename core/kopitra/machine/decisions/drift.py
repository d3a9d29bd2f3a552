"""In what an open copy differs from what it should be: its volume, its stops, or that it is there at all."""

from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CopyId
from kopitra.domain.orders import Side
from kopitra.domain.partial_close import reachable_target
from kopitra.domain.skips import Skip
from kopitra.domain.stops import Stops, place_stops
from kopitra.domain.telemetry import HeldPosition
from kopitra.machine.decisions.continuing import target_of
from kopitra.machine.decisions.present import FRESH_QUOTE
from kopitra.machine.events import ProposalKind
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, CopyStatus, State


class Difference(msgspec.Struct, frozen=True):
    """`ground` names what was seen, so that it changes when that does; `volume`: lots that the broker holds."""

    kind: ProposalKind
    ground: str
    cause: str
    volume: Decimal | None = None


def ground_of(kind: ProposalKind, subject: CopyId | int, *seen: object) -> str:
    return "|".join((kind, str(subject), *(str(part) for part in seen)))


def differences(
    state: State, account: Account, copy: Copy, seen: HeldPosition, context: Context
) -> list[Difference]:
    """Of a copy that no command is under way for; at most one of volume and one of stops."""
    found: list[Difference] = []
    if copy.status is CopyStatus.OPEN and copy.filled:
        if is_left_over(state, copy):
            ground = ground_of(ProposalKind.LEFT_OVER, copy.copy_id)
            return [Difference(ProposalKind.LEFT_OVER, ground, "leader_closed")]
        volume = _volume(state, copy, seen.volume)
        found += [volume] if volume is not None else []
    stops = difference_of_stops(state, copy, seen)
    return [*found, stops] if stops is not None else found


def difference_of_stops(state: State, copy: Copy, seen: HeldPosition) -> Difference | None:
    if not _stops_differ(state, copy, seen):
        return None
    ground = ground_of(ProposalKind.STOPS, copy.copy_id, seen.stop_loss, seen.take_profit, seen.price)
    if copy.status is CopyStatus.OPEN:
        ground = ground_of(ProposalKind.STOPS, copy.copy_id, seen.stop_loss, seen.take_profit)
    return Difference(ProposalKind.STOPS, ground, "stops_differ")


def is_left_over(state: State, copy: Copy) -> bool:
    """Its leader's trade has ended, and nobody has told it to."""
    subscription = state.subscriptions.get(copy.subscription)
    leader = state.accounts.get(copy.leader)
    ended = leader is None or copy.position_ref not in leader.leading.positions
    return ended and not copy.closing and subscription is not None and subscription.enabled


def _volume(state: State, copy: Copy, seen: Decimal) -> Difference | None:
    if seen == copy.live_volume and copy.ratio is None:
        return None
    wanted = entitled_to(state, copy, seen)
    if seen > wanted:
        cause = "larger_than_wanted"
        return Difference(
            ProposalKind.LARGER, ground_of(ProposalKind.LARGER, copy.copy_id, seen), cause, seen
        )
    if seen != copy.live_volume:
        cause = "closed_in_part" if seen < copy.live_volume else "filled_further"
        return Difference(
            ProposalKind.SMALLER, ground_of(ProposalKind.SMALLER, copy.copy_id, seen), cause, seen
        )
    return None


def entitled_to(state: State, copy: Copy, seen: Decimal) -> Decimal:
    """Lots, at most `seen`, that the copy may hold and that its broker lets it be reduced to.

    Its share of what the leader has left, less what was closed by hand. A fill that no deal told of counts as far as
    the open asked for it."""
    filled = min(max(copy.filled, seen + copy.closed), max(copy.planned_volume, copy.filled))
    wanted = filled - copy.closed
    if copy.ratio is not None:
        after, opened = copy.ratio
        whole = msgspec.structs.replace(copy, filled=filled)
        wanted = min(wanted, target_of(state, whole, opened, after))
    if wanted >= seen:
        return seen
    spec = state.accounts[copy.follower].spec_of(copy.symbol)
    return reachable_target(seen, wanted, spec, state.subscriptions[copy.subscription].rules.remainder)


def _stops_differ(state: State, copy: Copy, seen: HeldPosition) -> bool:
    wanted = wanted_stops(state, copy, seen)
    if (wanted.stop_loss, wanted.take_profit) != (seen.stop_loss or None, seen.take_profit or None):
        return True
    return copy.status is CopyStatus.PENDING and copy.price is not None and copy.price != seen.price


def wanted_stops(state: State, copy: Copy, seen: HeldPosition) -> Stops:
    """The stops that the copy was last given; a leg that is not copied is the follower's own."""
    rules = state.subscriptions[copy.subscription].rules
    return Stops(
        (copy.stop_loss if rules.copy_stop_loss else seen.stop_loss) or None,
        (copy.take_profit if rules.copy_take_profit else seen.take_profit) or None,
    )


def reachable_stops(state: State, copy: Copy, wanted: Stops, context: Context) -> Stops | Skip | None:
    """As near to the wanted ones as the broker takes now; None as long as no fresh quote tells."""
    account = state.accounts[copy.follower]
    spec = account.spec_of(copy.symbol)
    if spec.stops_level <= 0:
        return wanted
    if copy.status is CopyStatus.PENDING and copy.price is not None:
        reference: Decimal | None = copy.price
    else:
        quote = context.readings.quotes.get(copy.follower, {}).get(copy.symbol)
        if quote is None or quote.at is None or context.now - quote.at > FRESH_QUOTE:
            return None
        reference = quote.bid if copy.side is Side.BUY else quote.ask
    rules = msgspec.structs.replace(
        state.subscriptions[copy.subscription].rules,
        reverse=False,
        copy_stop_loss=True,
        copy_take_profit=True,
    )
    return place_stops(rules, copy.side, wanted.stop_loss, wanted.take_profit, spec, reference)
