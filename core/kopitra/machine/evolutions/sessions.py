"""Sessions begin, are approved, and end."""

from kopitra.domain.limits import ENDED_SESSIONS_KEPT
from kopitra.domain.outbox_types import SESSION_TYPES, OutboxType
from kopitra.domain.sessions import TRANSITIONS, SessionPhase, SessionStep
from kopitra.machine.events import Recorded, SessionApproved, SessionEnd, SessionEnded, SessionOpened
from kopitra.machine.evolutions.outbox import add_note, retire_notes
from kopitra.machine.leases import phase_of
from kopitra.machine.state import Account, Session, State

NOTE_OF_END = {
    SessionEnd.RELEASED: OutboxType.SESSION_RELEASED,
    SessionEnd.FORCED: OutboxType.SESSION_RELEASED,
    SessionEnd.EXPIRED: OutboxType.SESSION_EXPIRED,
    SessionEnd.REJECTED: OutboxType.SESSION_REJECTED,
}
"""None for a take-over: it is the same EA that has come back, and it knows."""


def session_opened(state: State, event: SessionOpened, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    _step(account, SessionStep.OPENED if event.approved else SessionStep.OPENED_UNAPPROVED)
    account.session = Session(
        session=event.session,
        device=event.device,
        nonce=event.nonce,
        token_hash=event.token_hash,
        key_id=event.key_id,
        approved=event.approved,
        lease_seconds=event.lease_seconds,
        opened_at=recorded.at,
        platform=event.platform,
        client_version=event.client_version,
    )


def session_approved(state: State, event: SessionApproved, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    session = _session(account, event)
    _step(account, SessionStep.APPROVED)
    session.approved = True
    if session.device in account.devices:
        account.devices[session.device].approved = True
    _note_revision(account, event.revision)
    _tell(state, account, OutboxType.SESSION_APPROVED, session, recorded)


def session_ended(state: State, event: SessionEnded, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    session = _session(account, event)
    _step(account, SessionStep(event.reason))
    account.session = None
    account.ended_sessions[session.session] = session.token_hash
    while len(account.ended_sessions) > ENDED_SESSIONS_KEPT:
        del account.ended_sessions[next(iter(account.ended_sessions))]
    if event.reason is SessionEnd.FORCED and session.device in account.devices:
        account.devices[session.device].approved = False
    _note_revision(account, event.revision)
    note = NOTE_OF_END.get(event.reason)
    if note is not None:
        _tell(state, account, note, session, recorded, event.reason)


def _session(account: Account, event: SessionApproved | SessionEnded) -> Session:
    if account.session is None or account.session.session != event.session:
        raise ValueError(f"account {account.account} has no session {event.session}")
    return account.session


def _step(account: Account, step: SessionStep) -> SessionPhase:
    phase = phase_of(account.session)
    after = TRANSITIONS.get((phase, step))
    if after is None:
        raise ValueError(f"a session of {account.account} that is {phase} cannot be {step}")
    return after


def _note_revision(account: Account, revision: int) -> None:
    account.control_revision = max(account.control_revision, revision)


def _tell(
    state: State,
    account: Account,
    note: OutboxType,
    session: Session,
    recorded: Recorded,
    reason: SessionEnd | None = None,
) -> None:
    """The last word on sessions replaces those before it: an outbox that nobody reads does not grow by them."""
    payload: dict[str, str] = {"sessionId": session.session}
    if reason is not None:
        payload["reason"] = reason
    retire_notes(account, SESSION_TYPES)
    add_note(state, account.account, note, payload, recorded)
