"""Copies of trades that were open already, positions that became copies, and corrections that wait for an operator."""

from kopitra.domain.identifiers import SubscriptionId
from kopitra.domain.limits import DECIDED_PROPOSALS_KEPT
from kopitra.machine.events import (
    CopyAdded,
    CopyAdopted,
    CorrectionDecided,
    CorrectionProposed,
    CorrectionWithdrawn,
    OpenCause,
    Proposal,
    ProposalKind,
    Recorded,
)
from kopitra.machine.evolutions.copies import (
    after_magic,
    begin,
    drop_held_back,
    forget,
    forget_doubts,
    send,
)
from kopitra.machine.evolutions.outbox import retire
from kopitra.machine.state import Account, Copy, CopyStatus, FollowerBook, LeaderPosition, State

REJECTED = "rejected"
"""Why a missed open is not made up for."""


def added(state: State, event: CopyAdded, recorded: Recorded) -> None:
    position = state.accounts[event.leader].leading.positions[event.position_ref]
    book = state.accounts[event.account].following
    decision = event.decision
    if event.cause is OpenCause.LATE_JOIN:
        position.joined.add((decision.subscription, event.leg))
    former = former_copy(book, decision.subscription, position, event.leg)
    order = decision.order
    if order is None:
        if former is not None:
            former.withheld = decision.reason
        return
    position.unopened.pop(decision.subscription, None)
    _replace(state, former, position)
    position.generation = max(position.generation, decision.generation)
    begin(book, event.leader, event.run, decision, order, position, event.missed, event.leg)
    send(state, event.account, order, recorded, 0, event.run)


def adopted(state: State, event: CopyAdopted, recorded: Recorded) -> None:
    position = state.accounts[event.leader].leading.positions[event.position_ref]
    book = state.accounts[event.account].following
    held = event.held
    _replace(state, former_copy(book, event.subscription, position, event.leg), position)
    position.generation = max(position.generation, event.generation)
    copy = Copy(
        copy_id=event.copy_id,
        subscription=event.subscription,
        follower=event.account,
        leader=event.leader,
        position_ref=event.position_ref,
        generation=event.generation,
        leg=event.leg,
        symbol=held.symbol,
        side=held.side,
        reverse=event.reverse,
        contract_size=event.contract_size,
        magic=event.magic,
        comment=held.comment,
        order_type=held.order_type,
        opens=event.opens,
        planned_volume=held.volume,
        status=CopyStatus.OPEN,
        filled=held.volume,
        found=held.volume,
        stop_loss=held.stop_loss,
        take_profit=held.take_profit,
        price=held.price,
        ticket=held.ticket,
        position_id=held.position_id,
        run=event.run,
        missed=event.missed,
        command_sequence=recorded.last,
    )
    book.copies[copy.copy_id] = copy
    book.by_magic[copy.magic] = copy.copy_id
    book.by_position[held.position_id] = copy.copy_id
    book.next_magic = after_magic(copy.magic)
    position.copies.append((copy.follower, copy.copy_id))
    for doubt in [doubt for doubt in book.doubts if doubt.startswith(f"{ProposalKind.ADOPT}|{held.ticket}|")]:
        del book.doubts[doubt]


def former_copy(
    book: FollowerBook, subscription: SubscriptionId, position: LeaderPosition, leg: int = 0
) -> Copy | None:
    """The subscription's last copy of a leg of the position, as long as that lives."""
    latest: Copy | None = None
    for _, copy_id in (*position.copies, *position.paper):
        copy = book.copies.get(copy_id) or book.paper.get(copy_id)
        if copy is None or copy.subscription != subscription or copy.leg != leg:
            continue
        if latest is None or copy.generation > latest.generation:
            latest = copy
    return latest


def _replace(state: State, former: Copy | None, position: LeaderPosition) -> None:
    """A later generation takes the place of one that ended, and whatever was still under way for that one is void."""
    if former is None or former.sandbox:
        return
    account = state.accounts[former.follower]
    for command in former.outstanding:
        if command in account.commands:
            retire(account, account.commands[command])
    drop_held_back(state, former)
    position.copies.remove((former.follower, former.copy_id))
    forget(account.following, former)


def proposed(state: State, event: CorrectionProposed, recorded: Recorded) -> None:
    state.accounts[event.account].proposals[event.proposal.proposal] = event.proposal


def decided(state: State, event: CorrectionDecided, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    proposal = account.proposals.pop(event.proposal)
    account.decided.append(event.proposal)
    del account.decided[:-DECIDED_PROPOSALS_KEPT]
    if event.approved:
        return
    if proposal.kind is ProposalKind.REPLAY:
        _give_up(state, account, proposal)
    else:
        account.rejected[proposal.proposal] = proposal.ground


def _give_up(state: State, account: Account, proposal: Proposal) -> None:
    """The open is missed for good."""
    leader = state.accounts.get(proposal.leader) if proposal.leader is not None else None
    position = (
        leader.leading.positions.get(proposal.position_ref) if leader and proposal.position_ref else None
    )
    if position is None or proposal.subscription is None:
        return
    position.unopened.pop(proposal.subscription, None)
    former = former_copy(account.following, proposal.subscription, position)
    if former is not None:
        former.withheld = REJECTED
        forget_doubts(account.following, former)


def withdrawn(state: State, event: CorrectionWithdrawn, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    account.proposals.pop(event.proposal)
    account.decided.append(event.proposal)
    del account.decided[:-DECIDED_PROPOSALS_KEPT]
