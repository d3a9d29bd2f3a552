"""Corrections: what each would do, and those that wait for an operator's word."""

from collections.abc import Collection, Iterator
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CopyId, ProposalId, derived_id
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import ManualClose
from kopitra.domain.stops import Stops
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.commands import DecideProposal
from kopitra.machine.decisions.acks import close_filled, closing_incidents, corrective
from kopitra.machine.decisions.adopting import Match, adopt, find_match
from kopitra.machine.decisions.deferring import earlier, find_missed
from kopitra.machine.decisions.drift import entitled_to, reachable_stops, wanted_stops
from kopitra.machine.decisions.identity import MagicNumbers
from kopitra.machine.decisions.leader_book import heal
from kopitra.machine.decisions.net_settlement import settle_net
from kopitra.machine.decisions.present import NotNow, Present, open_now
from kopitra.machine.events import (
    AnyEvent,
    CopyAdded,
    CopyCorrected,
    CopySettled,
    CorrectionDecided,
    CorrectionProposed,
    CorrectionWithdrawn,
    OpenCause,
    Proposal,
    ProposalKind,
    Settlement,
)
from kopitra.machine.evolutions.copies import subject_of
from kopitra.machine.evolutions.correcting import former_copy
from kopitra.machine.evolutions.snapshots import stands
from kopitra.machine.indexes import is_copying
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import Account, Copy, CopyStatus, State

Acts = list[AnyEvent]


def decide_proposal(state: State, command: DecideProposal, context: Context) -> Result:
    """Approving does what is right now on the ground that the proposal was made on."""
    account = state.accounts[command.account]
    proposal = account.proposals.get(command.proposal)
    if proposal is None or command.tenant not in (None, account.tenant):
        return Refusal(status=404, code="proposal_unknown", detail="There is no such proposal (any more).")
    decided = CorrectionDecided(
        account=account.account,
        proposal=proposal.proposal,
        approved=command.approve,
        subject=command.subject,
    )
    if not command.approve:
        return Decision((decided,), {"status": "rejected"})
    if not still_stands(state, account, proposal, context):
        return Decision((_withdrawn(account, proposal),), {"status": "withdrawn"})
    waiting = earlier(account, proposal) if proposal.kind is ProposalKind.REPLAY else None
    if waiting is not None:
        detail = f"{waiting.proposal} was missed before it; decide about that one first."
        return Refusal(status=409, code="replay_out_of_order", detail=detail)
    acts = carry_out(state, account, proposal, MagicNumbers(), context)
    if isinstance(acts, NotNow) or not acts:
        detail = f"It cannot be done now: {acts or 'the broker would refuse it'}."
        return Refusal(status=409, code="proposal_not_ready", detail=detail)
    if (why := is_skipped(acts)) is not None:
        return Refusal(status=409, code="proposal_not_ready", detail=f"It would not be opened now: {why}.")
    return Decision((decided, *acts), {"status": "approved"})


def is_skipped(acts: Acts) -> str | None:
    """Why what should be opened would not be; None where all of it would."""
    for act in acts:
        if isinstance(act, CopyAdded) and act.decision.order is None:
            return act.decision.detail or act.decision.reason or act.decision.outcome
    return None


def propose(
    state: State, account: Account, proposal: Proposal, acts: Acts, context: Context
) -> Iterator[AnyEvent]:
    """Ask an operator, once for each ground; not again on one that was refused."""
    if proposal.proposal in account.proposals or proposal.proposal in account.rejected:
        return
    orders = [a.decision.order for a in acts if isinstance(a, CopyAdded) and a.decision.order is not None]
    orders += [a.order for a in acts if isinstance(a, CopyCorrected)]
    settled = [Settlement(a.volume, a.cause) for a in acts if isinstance(a, CopySettled)]
    shown = msgspec.structs.replace(
        proposal,
        at=context.now,
        order=orders[0] if orders else None,
        settlement=settled[0] if settled else None,
    )
    yield CorrectionProposed(account=account.account, proposal=shown)


def proposal_id(state: State, account: Account, ground: str) -> ProposalId:
    """The same as long as its ground is there without a break."""
    since = _since(account, ground)
    return ProposalId(derived_id("x-", state.shard, account.account, ground, since))


def withdrawals(
    state: State, account: Account, context: Context, grounds: Collection[str] | None = None
) -> Iterator[AnyEvent]:
    """Of proposals whose ground has gone; `grounds`: what a snapshot found just now, in place of what was known."""
    for proposal in account.proposals.values():
        if not still_stands(state, account, proposal, context, grounds):
            yield _withdrawn(account, proposal)


def still_stands(
    state: State,
    account: Account,
    proposal: Proposal,
    context: Context,
    grounds: Collection[str] | None = None,
) -> bool:
    if proposal.kind is ProposalKind.REPLAY:
        return find_missed(state, account, proposal, context.now) is not None
    found = proposal.ground in grounds if grounds is not None else stands(account, proposal.ground)
    if not found:
        return False
    match proposal.kind:
        case ProposalKind.REOPEN:
            return reopenable(state, account, proposal.copy_id) is not None
        case ProposalKind.ADOPT:
            return _match_of(state, account, proposal, context) is not None
        case _:
            return True


def carry_out(
    state: State, account: Account, proposal: Proposal, magic: MagicNumbers, context: Context
) -> Acts | NotNow:
    """What puts it right, decided on the state as it is. Nothing where the broker would refuse it."""
    match proposal.kind:
        case ProposalKind.HEAL:
            assert proposal.signal is not None
            return heal(state, account, proposal.signal, context)
        case ProposalKind.ADOPT:
            match = _match_of(state, account, proposal, context)
            return [adopt(state, account, match, magic)] if match is not None else []
        case ProposalKind.NET:
            return settle_net(state, account, proposal.ground, context)
        case ProposalKind.REPLAY:
            present = find_missed(state, account, proposal, context.now)
            return _opened(state, present, OpenCause.REPLAYED, magic, context)
        case ProposalKind.REOPEN:
            present = reopenable(state, account, proposal.copy_id)
            return _opened(state, present, OpenCause.REOPENED, magic, context)
        case _:
            copy = account.following.copies[proposal.copy_id or CopyId("")]
            return _of_copy(state, account, copy, proposal, context)


def reopenable(state: State, account: Account, copy_id: CopyId | None) -> Present | None:
    """The trade of a copy that was closed by hand, if its subscription wants it back and it is still open."""
    copy = account.following.copies.get(copy_id) if copy_id is not None else None
    if copy is None or copy.live:
        return None
    leader = state.accounts.get(copy.leader)
    position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
    if leader is None or position is None or position.pending or copy.leg not in position.legs:
        return None
    if former_copy(account.following, copy.subscription, position, copy.leg) is not copy:
        return None  # another has taken its place since: one copy of a trade is enough
    if not is_copying(state, copy.subscription, copy.leader):
        return None
    subscription = state.subscriptions[copy.subscription]
    if subscription.rules.manual_close is not ManualClose.REOPEN:
        return None
    return Present(subscription, leader, position, copy.leg)


def _of_copy(state: State, account: Account, copy: Copy, proposal: Proposal, context: Context) -> Acts:
    match proposal.kind:
        case ProposalKind.GONE:
            return [_settled(copy, proposal, None), *closing_incidents(account, copy, "absent")]
        case ProposalKind.SMALLER:
            return [_settled(copy, proposal, proposal.held.volume if proposal.held else ZERO)]
        case ProposalKind.LARGER:
            return _reduced(state, copy, proposal)
        case ProposalKind.STOPS:
            return _restopped(state, copy, proposal, context)
        case _:
            corrected = close_filled(state, copy, proposal.cause)
            return [msgspec.structs.replace(corrected, correction=proposal.kind)]


def _reduced(state: State, copy: Copy, proposal: Proposal) -> Acts:
    assert proposal.held is not None
    seen = proposal.held.volume
    wanted = entitled_to(state, copy, seen)
    acts: Acts = []
    if seen > copy.live_volume:
        acts.append(_settled(copy, proposal, seen))
        copy = msgspec.structs.replace(copy, filled=seen + copy.closed)
    if not wanted:
        closing = close_filled(state, copy, proposal.cause)
        return [*acts, msgspec.structs.replace(closing, correction=proposal.kind)]
    order = msgspec.structs.replace(
        corrective(state, copy, OrderAction.PARTIAL_CLOSE), volume=seen - wanted, target_volume=wanted
    )
    return [*acts, _corrected(copy, proposal, order)]


def _restopped(state: State, copy: Copy, proposal: Proposal, context: Context) -> Acts:
    seen = proposal.held
    assert seen is not None
    stops = reachable_stops(state, copy, wanted_stops(state, copy, seen), context)
    resting = copy.status is CopyStatus.PENDING
    if not isinstance(stops, Stops):
        return []
    same_stops = (stops.stop_loss, stops.take_profit) == (seen.stop_loss or None, seen.take_profit or None)
    if same_stops and not (resting and copy.price != seen.price):
        return []
    order = msgspec.structs.replace(
        corrective(state, copy, OrderAction.MODIFY),
        stop_loss=stops.stop_loss,
        take_profit=stops.take_profit,
        price=copy.price if resting else None,
    )
    return [_corrected(copy, proposal, order)]


def _corrected(copy: Copy, proposal: Proposal, order: Order) -> CopyCorrected:
    return CopyCorrected(
        account=copy.follower,
        copy_id=copy.copy_id,
        order=order,
        cause=proposal.cause,
        run=copy.run,
        correction=proposal.kind,
    )


def _settled(copy: Copy, proposal: Proposal, volume: Decimal | None) -> CopySettled:
    held = proposal.held
    return CopySettled(
        account=copy.follower,
        copy_id=copy.copy_id,
        status="closed" if volume is None else "open",
        volume=volume or ZERO,
        cause=proposal.cause,
        ticket=held.ticket if held is not None else None,
        position_id=held.position_id if held is not None else None,
    )


def _opened(
    state: State, present: Present | None, cause: OpenCause, magic: MagicNumbers, context: Context
) -> Acts | NotNow:
    if present is None:
        return []
    opened = open_now(state, present, cause, magic, context)
    return opened if isinstance(opened, NotNow) else list(opened)


def _match_of(state: State, account: Account, proposal: Proposal, context: Context) -> Match | None:
    return find_match(state, account, proposal.held, proposal.ground, context) if proposal.held else None


def _since(account: Account, ground: str) -> str:
    kind, _, subject = ground.partition("|")
    following = account.following
    if kind == ProposalKind.HEAL:
        at = account.leading.missing.get(subject)
    elif kind == ProposalKind.GONE:
        at = following.missing.get(CopyId(subject_of(ground)))
    else:
        at = following.doubts.get(ground)
    return at.isoformat() if at is not None else ""


def _withdrawn(account: Account, proposal: Proposal) -> CorrectionWithdrawn:
    return CorrectionWithdrawn(account=account.account, proposal=proposal.proposal, cause="ground_gone")
