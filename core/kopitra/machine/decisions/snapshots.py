"""Whether a position snapshot may be believed, and what it says of both books."""

from collections.abc import Iterator

from kopitra.domain.telemetry import PositionSnapshot
from kopitra.machine.commands import TakeSnapshot
from kopitra.machine.decisions.correcting import correct, stop_incident
from kopitra.machine.decisions.follower_book import FollowerFindings, examine_follower
from kopitra.machine.decisions.leader_book import LeaderFindings, examine_leader, heal
from kopitra.machine.decisions.net_book import examine_net
from kopitra.machine.decisions.netting import is_netting
from kopitra.machine.decisions.proposals import propose, withdrawals
from kopitra.machine.decisions.released import ended_releases
from kopitra.machine.events import (
    AnyEvent,
    BookOwnerKnown,
    IncidentClosed,
    IncidentOpened,
    ProposalKind,
    SnapshotSeen,
)
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, State

MOST_CHANGES = 5
"""More changes than this at once are not believed without an operator."""


def take_snapshot(state: State, command: TakeSnapshot, context: Context) -> Result:
    """No event where the snapshot says nothing new."""
    account = state.accounts[command.account]
    snapshot = command.snapshot
    reason = disbelief(account, snapshot)
    if reason is not None:
        return _recorded_only(account, command, reason)
    events: list[AnyEvent] = []
    if account.login is None:
        owner = BookOwnerKnown(account=account.account, login=snapshot.login, server=snapshot.server)
        events.append(owner)
    leader = examine_leader(state, account, snapshot, context)
    examine = examine_net if is_netting(account) else examine_follower
    follower = examine(state, account, snapshot, context)
    ended = ended_releases(account, snapshot, follower.missing, context)
    seen = _seen(account, command, leader, follower, ended)
    if seen is not None:
        events.insert(0, seen)
    stopped = too_much(account, leader, follower)
    events.extend(_incident(account, leader, follower, stopped))
    events.extend(withdrawals(state, account, context, grounds_of(leader, follower)))
    events.extend(leader.events)
    events.extend(follower.knowledge)
    if not stopped:
        events.extend(follower.settled)
    for proposal in leader.heals:
        healed = heal(state, account, proposal.signal, context) if proposal.signal is not None else []
        events.extend(propose(state, account, proposal, healed, context) if stopped else healed)
    events.extend(correct(state, account, follower, stopped, context))
    return Decision(tuple(events), {"reconciled": True})


def grounds_of(leader: LeaderFindings, follower: FollowerFindings) -> frozenset[str]:
    """What proposals may stand on after this snapshot."""
    return frozenset(
        [
            *follower.doubts,
            *(f"{ProposalKind.GONE}|{copy}" for copy in follower.missing),
            *(f"{ProposalKind.HEAL}|{key}" for key in leader.missing),
        ]
    )


def disbelief(account: Account, snapshot: PositionSnapshot) -> str | None:
    """Why this snapshot is recorded only."""
    if not snapshot.connected:
        return "not_connected"
    if not snapshot.synchronised:
        return "not_synchronised"
    if account.login is not None and (account.login, account.server) != (snapshot.login, snapshot.server):
        return "other_login"
    book = account.leading
    same_stream = snapshot.stream_id == book.stream_id
    if book.stream_id and snapshot.stream_id is not None and not same_stream and book.positions:
        return "other_stream"
    if same_stream and snapshot.taken_at_ordinal < book.ordinal:
        return "stale"
    return None


def too_much(account: Account, leader: LeaderFindings, follower: FollowerFindings) -> bool:
    """More than half a book is gone, or more than five copies would change at once."""
    for changes, size in (
        (leader.changes, len(account.leading.positions)),
        (follower.changes, follower.size),
    ):
        if changes > MOST_CHANGES or changes * 2 > size:
            return True
    changed = {p.copy_id or p.ground for p in follower.corrections if p.kind is not ProposalKind.LEFT_OVER}
    return len(changed) > MOST_CHANGES


def _incident(
    account: Account, leader: LeaderFindings, follower: FollowerFindings, stopped: bool
) -> Iterator[AnyEvent]:
    """One for as long as a book differs by too much."""
    incident = stop_incident(account.account)
    known = incident in account.incidents
    if stopped and not known and (leader.heals or leader.events or follower.corrections or follower.settled):
        yield _stopped(account, incident, leader, follower)
    elif known and not (leader.changes or follower.changes or follower.corrections):
        yield IncidentClosed(incident=incident, account=account.account, cause="the books agree again")


def _recorded_only(account: Account, command: TakeSnapshot, reason: str) -> Decision:
    digest = f"{reason}:{command.digest}"
    if account.snapshot_digest == digest:
        return Decision((), {"reconciled": False})
    event = SnapshotSeen(
        account=account.account,
        digest=digest,
        valid=False,
        reason=reason,
        positions=len(command.snapshot.positions) + len(command.snapshot.orders),
    )
    return Decision((event,), {"reconciled": False})


def _seen(
    account: Account,
    command: TakeSnapshot,
    leader: LeaderFindings,
    follower: FollowerFindings,
    ended: tuple[int, ...],
) -> SnapshotSeen | None:
    """Journaled only where a suspicion arises or goes, and once a session: an unchanged book costs nothing."""
    session = account.session.session if account.session is not None else None
    unchanged = (
        set(leader.missing) == set(account.leading.missing)
        and set(leader.extra) == set(account.leading.extra)
        and set(follower.missing) == set(account.following.missing)
        and set(follower.extra) == set(account.following.extra)
        and set(follower.doubts) == set(account.following.doubts)
        and not (follower.agreed_nets or ended)
        and (session is None or session == account.following.seen_in)
    )
    if unchanged:
        return None
    return SnapshotSeen(
        account=account.account,
        digest=command.digest,
        valid=True,
        missing=tuple(leader.missing),
        extra=tuple(leader.extra),
        missing_copies=tuple(follower.missing),
        extra_tickets=tuple(follower.extra),
        doubts=tuple(follower.doubts),
        agreed_nets=tuple(follower.agreed_nets),
        session=session,
        ended_releases=ended,
        positions=len(command.snapshot.positions) + len(command.snapshot.orders),
    )


def _stopped(
    account: Account, incident: str, leader: LeaderFindings, follower: FollowerFindings
) -> IncidentOpened:
    return IncidentOpened(
        incident=incident,
        kind="reconciliation_stopped",
        account=account.account,
        detail=(
            f"a snapshot would change {leader.changes} of {len(account.leading.positions)} leader positions "
            f"and {follower.changes} of {follower.size} copies; nothing was changed"
        ),
    )
