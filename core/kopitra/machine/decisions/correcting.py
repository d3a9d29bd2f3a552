"""Which corrections are made at once, which wait for an operator, and which are only told of."""

from collections.abc import Iterable, Iterator

from kopitra.domain.identifiers import AccountId, CopyId, derived_id
from kopitra.domain.rules import Corrections, OnDrift
from kopitra.machine.decisions.agreement import agreed
from kopitra.machine.decisions.follower_book import FollowerFindings
from kopitra.machine.decisions.identity import MagicNumbers
from kopitra.machine.decisions.netting import is_net_in_doubt, is_netting, is_shared
from kopitra.machine.decisions.present import NotNow
from kopitra.machine.decisions.proposals import Acts, carry_out, is_skipped, proposal_id, propose
from kopitra.machine.events import (
    AnyEvent,
    CopyAdded,
    CopyCorrected,
    IncidentClosed,
    IncidentOpened,
    Proposal,
    ProposalKind,
)
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, CopyStatus, State

MOST_ROUNDS = 3
"""Corrections of one copy without a command of its leader between them: whatever undoes three will undo a fourth, and
two masters of one position would go on for ever. After that an operator is asked each time."""
COMMANDING = frozenset({ProposalKind.LARGER, ProposalKind.STOPS, ProposalKind.LEFT_OVER})
"""Corrections that send something to the broker for a copy that is open."""
OPENING = frozenset({ProposalKind.REOPEN, ProposalKind.ADOPT})
"""Corrections that give a trade one more copy."""
DRIFT = "copy_drift"
EXHAUSTED = "corrections_exhausted"


def correct(
    state: State, account: Account, findings: FollowerFindings, stopped: bool, context: Context
) -> Iterator[AnyEvent]:
    """Make or propose each correction; `stopped`: too much would change, so all but leaders' closes are proposed."""
    magic = MagicNumbers()
    taken = _commanded((*findings.knowledge, *findings.settled))
    for proposal in findings.corrections:
        if _only_told(state, account, proposal):
            yield from _told(account, proposal, DRIFT)
            continue
        acts = carry_out(state, account, proposal, magic, context)
        if isinstance(acts, NotNow) or not acts:
            continue
        if (stopped or _waits(state, account, proposal)) and proposal.kind is not ProposalKind.LEFT_OVER:
            if is_skipped(acts) is None:
                yield from propose(state, account, proposal, acts, context)
            if not stopped and _is_exhausted(account, proposal):
                yield from _told(account, proposal, EXHAUSTED)
            continue
        turns = {*_turns_of(proposal), *_commanded(acts)}
        if taken.isdisjoint(turns):
            yield from _without_repeats(account, proposal, acts)
            taken |= turns
    yield from _over(account, findings)


def reopen_next(state: State, account: Account, context: Context) -> Iterator[AnyEvent]:
    """As time passes: a copy that could not be opened again when its book was seen, tried once more."""
    if stop_incident(account.account) in account.incidents:
        return
    for ground, since in account.following.doubts.items():
        kind, _, copy_id = ground.partition("|")
        copy = account.following.copies.get(CopyId(copy_id))
        if kind != ProposalKind.REOPEN or copy is None or not agreed(since, context):
            continue
        if is_net_in_doubt(account, copy.symbol):
            continue
        proposal = _reopening(state, account, copy, ground, context)
        acts = carry_out(state, account, proposal, MagicNumbers(), context)
        if isinstance(acts, NotNow) or _waits(state, account, proposal):
            continue
        repeated = list(_without_repeats(account, proposal, acts))
        if repeated:
            yield from repeated
            return


def stop_incident(account: AccountId) -> str:
    """Open for as long as a book of this account differs by too much."""
    return "i-reconciliation-" + account


def _reopening(state: State, account: Account, copy: Copy, ground: str, context: Context) -> Proposal:
    return Proposal(
        proposal=proposal_id(state, account, ground),
        account=account.account,
        kind=ProposalKind.REOPEN,
        ground=ground,
        cause="closed_by_hand",
        at=context.now,
        copy_id=copy.copy_id,
        subscription=copy.subscription,
        leader=copy.leader,
        position_ref=copy.position_ref,
    )


def _turns_of(proposal: Proposal) -> Iterator[str]:
    """What may happen only once at a time: a copy gets one command, a trade one copy, and an account one open, so that
    guards see it."""
    if proposal.kind in COMMANDING and proposal.copy_id is not None:
        yield proposal.copy_id
    if proposal.kind in OPENING:
        yield f"{proposal.subscription}|{proposal.position_ref}"
    if proposal.kind is ProposalKind.REOPEN:
        yield ProposalKind.REOPEN


def _commanded(acts: Iterable[AnyEvent]) -> set[str]:
    """Copies that get a command: the next one's id counts on this one."""
    return {act.copy_id for act in acts if isinstance(act, CopyCorrected)}


def _only_told(state: State, account: Account, proposal: Proposal) -> bool:
    if proposal.kind not in (ProposalKind.LARGER, ProposalKind.STOPS) or proposal.subscription is None:
        return False
    if state.subscriptions[proposal.subscription].rules.on_drift is OnDrift.ALERT:
        return True
    copy = account.following.copies.get(proposal.copy_id or CopyId(""))
    return copy is not None and _has_stops_of_others(account, copy)


def _has_stops_of_others(account: Account, copy: Copy) -> bool:
    """On a netting account, stops are put right only where the copy is alone and was given some: all others are the
    owner's, and protect what he may not want to be without."""
    if not is_netting(account) or copy.status is CopyStatus.PENDING:
        return False
    given = copy.stop_loss or copy.take_profit
    return not given or is_shared(account, copy.symbol, (copy.copy_id,))


def _waits(state: State, account: Account, proposal: Proposal) -> bool:
    if proposal.kind is ProposalKind.NET:
        return False  # nothing is traded: what the owner did is only noted
    if proposal.subscription is None or _is_exhausted(account, proposal):
        return True
    return state.subscriptions[proposal.subscription].rules.corrections is Corrections.APPROVE


def _is_exhausted(account: Account, proposal: Proposal) -> bool:
    copy = account.following.copies.get(proposal.copy_id) if proposal.copy_id is not None else None
    return copy is not None and proposal.kind in COMMANDING and copy.rounds >= MOST_ROUNDS


def _without_repeats(account: Account, proposal: Proposal, acts: Acts) -> Iterator[AnyEvent]:
    """That a copy is not opened again is told once for each reason."""
    copy = account.following.copies.get(proposal.copy_id) if proposal.copy_id is not None else None
    for act in acts:
        skipped = act.decision if isinstance(act, CopyAdded) and act.decision.order is None else None
        if skipped is None or copy is None or skipped.reason != copy.withheld:
            yield act


def _told(account: Account, proposal: Proposal, kind: str) -> Iterator[AnyEvent]:
    copy_id = proposal.copy_id or CopyId("")
    incident = drift_incident(kind, copy_id)
    if incident in account.incidents:
        return
    held = proposal.held
    found = (
        f", found {held.volume} lots, stop loss {held.stop_loss}, take profit {held.take_profit}"
        if held
        else ""
    )
    yield IncidentOpened(
        incident=incident,
        kind=kind,
        account=account.account,
        detail=f"{proposal.cause}{found}",
        copy_id=copy_id,
    )


def _over(account: Account, findings: FollowerFindings) -> Iterator[AnyEvent]:
    """Copies that agree again, or are no more."""
    for incident in account.incidents.values():
        if incident.kind not in (DRIFT, EXHAUSTED) or incident.copy_id is None:
            continue
        copy = account.following.copies.get(incident.copy_id)
        if copy is None or not copy.live or incident.copy_id in findings.agreeing:
            yield IncidentClosed(
                incident=incident.incident, account=account.account, cause="the copy is as it should be"
            )


def drift_incident(kind: str, copy_id: CopyId) -> str:
    return derived_id("i-", kind, copy_id)
