"""Positions of a follower that nobody owns, and the leader's trades that they may be copies of."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, CommandId, derived_id
from kopitra.domain.orders import OrderType
from kopitra.domain.rules import UnknownPosition
from kopitra.domain.telemetry import HeldPosition
from kopitra.machine.decisions.drift import ground_of
from kopitra.machine.decisions.identity import MagicNumbers, is_own_magic
from kopitra.machine.decisions.opening import Opening
from kopitra.machine.decisions.present import Present, next_copy_id, signal_of
from kopitra.machine.events import CopyAdopted, ProposalKind
from kopitra.machine.evolutions.correcting import former_copy
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State, Subscription


class Match(msgspec.Struct, frozen=True):
    """The one position that fits the one trade."""

    present: Present
    held: HeldPosition
    contract_size: Decimal

    @property
    def trade(self) -> str:
        """A short name for the subscription's part of the trade."""
        position = self.present.position.position_ref
        return derived_id("", self.present.subscription.subscription, position, str(self.present.leg))

    @property
    def ground(self) -> str:
        return ground_of(ProposalKind.ADOPT, self.held.ticket, self.trade, self.held.volume)


def matches(
    state: State, account: Account, unowned: Iterable[HeldPosition], context: Context
) -> Iterator[Match]:
    """Pairs that fit each other and nothing else: of twins none is adopted."""
    strangers = [
        held
        for held in unowned
        if held.order_type is OrderType.MARKET and not is_own_magic(held.magic, account.following)
    ]
    if not strangers:
        return
    pairs = [
        pair for present in uncopied(state, account) for pair in _fitting(state, present, strangers, context)
    ]
    trades = Counter(pair.trade for pair in pairs)
    positions = Counter(pair.held.ticket for pair in pairs)
    for pair in pairs:
        if trades[pair.trade] == 1 and positions[pair.held.ticket] == 1:
            yield pair


def find_match(
    state: State, account: Account, held: HeldPosition, ground: str, context: Context
) -> Match | None:
    """What was found before, if the trade is still open and uncopied, and the position still fits it."""
    for present in uncopied(state, account):
        for match in _fitting(state, present, [held], context):
            if match.ground == ground:
                return match
    return None


def uncopied(state: State, account: Account) -> Iterator[Present]:
    """Open trades of which an adopting subscription has no live copy."""
    for identifier in state.by_follower.get(account.account, ()):
        subscription = state.subscriptions[identifier]
        if subscription.rules.unknown_position is not UnknownPosition.ADOPT:
            continue
        for leader in state.groups[subscription.group].leaders:
            yield from _of_leader(state, account, subscription, leader)


def adopt(state: State, account: Account, match: Match, magic: MagicNumbers) -> CopyAdopted:
    present = match.present
    copy, generation = next_copy_id(present)
    part = present.part
    return CopyAdopted(
        account=account.account,
        subscription=present.subscription.subscription,
        leader=present.leader.account,
        position_ref=present.position.position_ref,
        copy_id=copy,
        generation=generation,
        held=match.held,
        magic=magic.take(account.account, account.following),
        opens=CommandId(derived_id("o-", state.shard, copy, "adopted")),
        run=present.position.run,
        contract_size=match.contract_size,
        reverse=present.subscription.rules.reverse,
        leg=present.leg,
        missed=part.opened - part.left,
        rules_revision=present.subscription.revision,
    )


def _of_leader(
    state: State, account: Account, subscription: Subscription, name: AccountId
) -> Iterator[Present]:
    leader = state.accounts.get(name)
    for position in leader.leading.positions.values() if leader is not None else ():
        if position.pending or leader is None:
            continue
        for leg in position.legs:
            copy = former_copy(account.following, subscription.subscription, position, leg)
            if copy is None or not copy.live:
                yield Present(subscription, leader, position, leg)


def _fitting(
    state: State, present: Present, strangers: Iterable[HeldPosition], context: Context
) -> Iterator[Match]:
    """Positions of the symbol, side and volume that a copy would get now; what its settings keep out fits nothing."""
    if present.leader.account not in context.readings.figures:
        return
    opening = Opening(state, present.leader, signal_of(present, context), present.position.run, context)
    decision = opening.decide(present.subscription)
    order = decision.sent  # what a subscription in sandbox would have is no real position's
    if order is None or decision.contract_size is None:
        return
    for held in strangers:
        if (held.symbol, held.side, held.volume) == (order.symbol, order.side, order.volume):
            yield Match(present, held, decision.contract_size)
