"""Whether a position snapshot may be believed, and what it says of both books."""

from kopitra.domain.telemetry import PositionSnapshot
from kopitra.machine.commands import TakeSnapshot
from kopitra.machine.decisions.follower_book import FollowerFindings, examine_follower
from kopitra.machine.decisions.leader_book import LeaderFindings, examine_leader
from kopitra.machine.events import AnyEvent, BookOwnerKnown, IncidentClosed, IncidentOpened, SnapshotSeen
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
    follower = examine_follower(state, account, snapshot, context)
    incident = "i-reconciliation-" + account.account
    if (leader.events or follower.events) and too_much(account, leader, follower):
        if incident not in account.incidents:
            events.append(_stopped(account, incident, leader, follower))
    else:
        events.extend(leader.events)
        events.extend(follower.events)
        if incident in account.incidents and not leader.changes + follower.changes:
            events.append(
                IncidentClosed(incident=incident, account=account.account, cause="the books agree again")
            )
    seen = _seen(account, command, leader, follower)
    if seen is not None:
        events.insert(0, seen)
    return Decision(tuple(events), {"reconciled": True})


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
    """More than half a book, or more than five copies, would change at once."""
    for changes, size in (
        (leader.changes, len(account.leading.positions)),
        (follower.changes, follower.size),
    ):
        if changes > MOST_CHANGES or changes * 2 > size:
            return True
    return False


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
    account: Account, command: TakeSnapshot, leader: LeaderFindings, follower: FollowerFindings
) -> SnapshotSeen | None:
    """Journaled only where a suspicion arises or goes: an unchanged book costs nothing."""
    unchanged = (
        set(leader.missing) == set(account.leading.missing)
        and set(leader.extra) == set(account.leading.extra)
        and set(follower.missing) == set(account.following.missing)
        and set(follower.extra) == set(account.following.extra)
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
