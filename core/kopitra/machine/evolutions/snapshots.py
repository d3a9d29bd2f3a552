"""What position snapshots made the machine suspect; settling follows in events of its own."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from kopitra.domain.identifiers import CopyId, PositionRef
from kopitra.machine.events import BookOwnerKnown, OrphanClosed, ProposalKind, Recorded, SnapshotSeen
from kopitra.machine.evolutions.copies import forget_release, send
from kopitra.machine.evolutions.netting import forget_foreign
from kopitra.machine.state import Account, State

Suspect = TypeVar("Suspect", str, int, CopyId, PositionRef)


def owner_known(state: State, event: BookOwnerKnown, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    account.login, account.server = event.login, event.server


def snapshot_seen(state: State, event: SnapshotSeen, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    account.snapshot_digest = event.digest
    if not event.valid:
        return
    leading, following = account.leading, account.following
    leading.missing = _since(leading.missing, event.missing, recorded.at)
    leading.extra = _since(leading.extra, event.extra, recorded.at)
    following.missing = _since(following.missing, event.missing_copies, recorded.at)
    following.extra = _since(following.extra, event.extra_tickets, recorded.at)
    forget_foreign(following, event.agreed_nets)
    following.doubts = _since(following.doubts, event.doubts, recorded.at)
    following.seen_in = event.session or following.seen_in
    for magic in event.ended_releases:
        forget_release(following, magic)
    if account.rejected:
        account.rejected = {p: ground for p, ground in account.rejected.items() if stands(account, ground)}


def _since(
    known: "dict[Suspect, datetime]", seen: "Iterable[Suspect]", at: datetime
) -> "dict[Suspect, datetime]":
    """A suspicion keeps its first time as long as every valid snapshot confirms it."""
    return {suspect: known.get(suspect, at) for suspect in seen}


def stands(account: Account, ground: str) -> bool:
    """Whether what a correction was proposed for is still suspected."""
    kind, _, subject = ground.partition("|")
    if kind == ProposalKind.HEAL:
        return subject in account.leading.missing
    if kind == ProposalKind.GONE:
        return CopyId(subject) in account.following.missing
    return ground in account.following.doubts


def orphan_closed(state: State, event: OrphanClosed, recorded: Recorded) -> None:
    order = event.order
    send(state, event.account, order, recorded, 0, None)
    if order.ticket is not None:
        state.accounts[event.account].following.extra.pop(order.ticket, None)
