"""Who may speak for an account: one device at a time, first come first served, until its lease runs out."""

from datetime import timedelta

from kopitra.domain.instants import rfc3339
from kopitra.domain.sessions import SessionStep, allowed
from kopitra.machine.commands import ApproveSession, EndSession, OpenSession
from kopitra.machine.decisions.refusals import session_unknown
from kopitra.machine.decisions.revisions import stale
from kopitra.machine.events import AnyEvent, SessionApproved, SessionEnd, SessionEnded, SessionOpened
from kopitra.machine.leases import lease_end, phase_of
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import Account, Session, State

CREDENTIALS_REFUSED = Refusal(
    status=401, code="credentials_refused", detail="The account or its secret is wrong."
)
"""One answer whatever is wrong, so that trying accounts teaches nothing."""
SUBJECT_MISSING = Refusal(
    status=422, code="subject_missing", detail="An operator's action needs the operator's subject."
)
REASON_INVALID = Refusal(
    status=422, code="reason_invalid", detail="A session is ended on request as released, forced or rejected."
)
SECOND = timedelta(seconds=1)
BY_OPERATOR = frozenset({SessionEnd.FORCED, SessionEnd.REJECTED})


def open_session(state: State, command: OpenSession, context: Context) -> Result:
    """Ends the account's last session where its lease is over or where its own device has come again."""
    account = state.accounts.get(command.account)
    device = account.devices.get(command.device) if account is not None else None
    if account is None or device is None:
        return CREDENTIALS_REFUSED
    events: list[AnyEvent] = []
    if account.session is not None:
        ended = _end_of_former(account, account.session, command, context)
        if isinstance(ended, Refusal):
            return ended
        events.append(ended)
    approved = device.approved or not account.requires_approval
    events.append(
        SessionOpened(
            account=command.account,
            session=command.session,
            device=command.device,
            nonce=command.nonce,
            token_hash=command.token_hash,
            key_id=command.key_id,
            approved=approved,
            lease_seconds=command.lease_seconds,
            client_version=command.client_version,
            platform=command.platform,
            capabilities=command.capabilities,
        )
    )
    answer = {
        "status": "authenticated" if approved else "pending",
        "lease_expires_at": context.now + timedelta(seconds=command.lease_seconds),
    }
    return Decision(tuple(events), answer)


def end_session(state: State, command: EndSession, context: Context) -> Result:
    """Ending a session that has ended already is answered like the first time and changes nothing."""
    if command.reason not in BY_OPERATOR | {SessionEnd.RELEASED}:
        return REASON_INVALID
    if command.reason in BY_OPERATOR and command.subject is None:
        return SUBJECT_MISSING
    account = state.accounts[command.account]
    outdated = stale(account, command.revision)
    if outdated is not None:
        return outdated
    answer = {"status": str(command.reason)}
    session = account.session
    if session is None or command.session not in (None, session.session):
        over = command.session is None or command.session in account.ended_sessions
        return Decision((), answer) if over else session_unknown(command.account, command.session)
    if not allowed(phase_of(session), SessionStep(command.reason)):
        return Refusal(
            status=409,
            code="session_not_pending",
            detail=f"Session {session.session} is approved already; release it by force instead.",
        )
    event = SessionEnded(
        account=command.account,
        session=session.session,
        reason=command.reason,
        subject=command.subject,
        revision=command.revision,
    )
    return Decision((event,), answer)


def approve_session(state: State, command: ApproveSession, context: Context) -> Result:
    """Approving what is approved already changes nothing."""
    account = state.accounts[command.account]
    outdated = stale(account, command.revision)
    if outdated is not None:
        return outdated
    session = account.session
    if session is None or command.session not in (None, session.session):
        return session_unknown(command.account, command.session)
    answer = {"status": "approved", "session": session.session}
    if not allowed(phase_of(session), SessionStep.APPROVED):
        return Decision((), answer)
    event = SessionApproved(
        account=command.account,
        session=session.session,
        subject=command.subject,
        revision=command.revision,
    )
    return Decision((event,), answer)


def expired_sessions(state: State, context: Context) -> tuple[SessionEnded, ...]:
    """The ends of all sessions whose lease is over, in the order of their accounts' ids."""
    over = [
        SessionEnded(account=account.account, session=account.session.session, reason=SessionEnd.EXPIRED)
        for account in state.accounts.values()
        if account.session is not None
        and lease_end(account.account, account.session, context.readings) <= context.now
    ]
    return tuple(sorted(over, key=lambda ended: ended.account))


def _end_of_former(
    account: Account, former: Session, command: OpenSession, context: Context
) -> SessionEnded | Refusal:
    ends = lease_end(account.account, former, context.readings)
    if ends <= context.now:
        reason = SessionEnd.EXPIRED
    elif former.device == command.device:
        reason = SessionEnd.TAKEN_OVER
    else:
        seconds = -((context.now - ends) // SECOND)  # rounded up: asking again after it finds the lease over
        return Refusal(
            status=409,
            code="session_lease_held",
            detail=f"Device {former.device} holds account {account.account} until {rfc3339(ends)}.",
            members={
                "retryAfterSeconds": seconds,
                "leaseExpiresAt": rfc3339(ends),
                "holder": {"deviceId": former.device, "since": rfc3339(former.opened_at)},
                "hint": "Wait until the lease is over, or ask an operator to release the session.",
            },
        )
    return SessionEnded(account=account.account, session=former.session, reason=reason)
