"""Opens that were missed: kept for a day, and made up for only if an operator says so."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from kopitra.domain.identifiers import ProposalId, SubscriptionId, derived_id
from kopitra.machine.decisions.present import Present
from kopitra.machine.events import CorrectionProposed, Proposal, ProposalKind
from kopitra.machine.evolutions.correcting import former_copy
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, CopyStatus, LeaderPosition, State

TOO_LATE = frozenset({"expired", "ttl"})
"""Causes of opens that were never sent because they had grown too old: in the core, or at the EA."""
KEPT_FOR = timedelta(hours=24)
"""After a day nobody wants yesterday's trade at today's price without looking at it."""


def propose_replays(state: State, account: Account, context: Context) -> Iterator[CorrectionProposed]:
    """One proposal for each missed open whose trade lives, in the order in which the leaders opened them."""
    missed = sorted(
        (present for present in missed_opens(state, account, context.now)),
        key=lambda present: (present.position.opened_at, present.position.position_ref),
    )
    for present in missed:
        proposal = _proposal(state, account, present, context)
        if proposal.proposal not in account.proposals:
            yield CorrectionProposed(account=account.account, proposal=proposal)


def missed_opens(state: State, account: Account, now: datetime) -> Iterator[Present]:
    for identifier in state.by_follower.get(account.account, ()):
        subscription = state.subscriptions[identifier]
        if not subscription.rules.deferred_replay:
            continue
        for name in state.groups[subscription.group].leaders:
            leader = state.accounts.get(name)
            for position in leader.leading.positions.values() if leader is not None else ():
                if leader is not None and _is_missed(account, identifier, position, now):
                    yield Present(subscription, leader, position)


def find_missed(state: State, account: Account, proposal: Proposal, now: datetime) -> Present | None:
    """What a proposal is about, while it still stands."""
    for present in missed_opens(state, account, now):
        if ground_of_missed(present) == proposal.ground:
            return present
    return None


def earlier(account: Account, proposal: Proposal) -> Proposal | None:
    """One of the same subscription that has to be decided first: missed opens are made up for in order."""
    for waiting in account.proposals.values():
        if waiting.proposal == proposal.proposal:
            return None
        if waiting.kind is ProposalKind.REPLAY and waiting.subscription == proposal.subscription:
            return waiting
    return None


def ground_of_missed(present: Present) -> str:
    return f"{ProposalKind.REPLAY}|{present.subscription.subscription}|{present.position.position_ref}"


def _is_missed(
    account: Account, subscription: SubscriptionId, position: LeaderPosition, now: datetime
) -> bool:
    if position.pending or 0 not in position.legs:
        return False
    copy = former_copy(account.following, subscription, position)
    if copy is not None:
        expired = copy.status is CopyStatus.DROPPED and copy.cause in TOO_LATE
        return expired and copy.withheld is None and now < position.opened_at + KEPT_FOR
    since = position.unopened.get(subscription)
    return since is not None and now < since + KEPT_FOR


def _proposal(state: State, account: Account, present: Present, context: Context) -> Proposal:
    ground = ground_of_missed(present)
    return Proposal(
        proposal=ProposalId(derived_id("x-", state.shard, account.account, ground)),
        account=account.account,
        kind=ProposalKind.REPLAY,
        ground=ground,
        cause="missed_open",
        at=context.now,
        subscription=present.subscription.subscription,
        leader=present.leader.account,
        position_ref=present.position.position_ref,
    )
