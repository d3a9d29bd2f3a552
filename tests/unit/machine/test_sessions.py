"""First come, first served: who holds an account, for how long, and how that ends."""

from datetime import timedelta

import pytest

from kopitra.domain.identifiers import AccountId, SessionId
from kopitra.domain.limits import ENDED_SESSIONS_KEPT, LEASE_TTL_SECONDS
from kopitra.domain.outbox_types import OutboxType
from kopitra.machine.commands import ApproveSession, EndSession
from kopitra.machine.decisions.sessions import expired_sessions
from kopitra.machine.events import SessionEnd, SessionEnded, SessionOpened, StaleIgnored
from kopitra.machine.leases import renew
from kopitra.machine.outcome import Decision
from kopitra.machine.state import Session
from tests.unit.machine.driven import (
    DEVICE,
    FOLLOWER,
    LEADER,
    NOW,
    OTHER_DEVICE,
    DrivenMachine,
    enrol,
    leader_and_follower,
    open_session,
    publish_account,
)

FIRST, SECOND = SessionId("session-1"), SessionId("session-2")


def two_devices() -> DrivenMachine:
    machine = DrivenMachine()
    enrol(machine, FOLLOWER)
    enrol(machine, FOLLOWER, OTHER_DEVICE)
    return machine


def needing_approval() -> DrivenMachine:
    machine = DrivenMachine()
    machine.done(publish_account(requires_approval=True))
    enrol(machine, FOLLOWER)
    return machine


def end(reason: SessionEnd, session: SessionId | None = FIRST, revision: int = 0) -> EndSession:
    subject = None if reason is SessionEnd.RELEASED else "operator"
    return EndSession(account=FOLLOWER, session=session, reason=reason, subject=subject, revision=revision)


def approve(session: SessionId | None = FIRST, revision: int = 0) -> ApproveSession:
    return ApproveSession(account=FOLLOWER, session=session, subject="operator", revision=revision)


def session_of(machine: DrivenMachine) -> Session:
    session = machine.account().session
    assert session is not None
    return session


def ends_in(decision: Decision) -> list[SessionEnd]:
    return [event.reason for event in decision.events if isinstance(event, SessionEnded)]


def test_a_known_device_opens_a_session_with_a_full_lease():
    machine = two_devices()
    decision = machine.done(open_session())
    assert decision.answer == {
        "status": "authenticated",
        "lease_expires_at": NOW + timedelta(seconds=LEASE_TTL_SECONDS),
    }
    session = session_of(machine)
    assert (session.session, session.device, session.approved, session.opened_at) == (
        FIRST,
        DEVICE,
        True,
        NOW,
    )


def test_an_unknown_account_and_an_unknown_device_are_refused_alike():
    machine = DrivenMachine()
    machine.done(publish_account())
    stranger = machine.refused(open_session(account=AccountId("nobody")))
    assert stranger == machine.refused(open_session())
    assert (stranger.status, stranger.code) == (401, "credentials_refused")


def test_another_device_is_told_who_holds_the_lease_and_when_to_ask_again():
    machine = two_devices()
    machine.done(open_session())
    machine.wait(60)
    refusal = machine.refused(open_session(2, device=OTHER_DEVICE))
    assert (refusal.status, refusal.code) == (409, "session_lease_held")
    assert refusal.members == {
        "retryAfterSeconds": 120,
        "leaseExpiresAt": "2026-03-04T12:03:00.000Z",
        "holder": {"deviceId": DEVICE, "since": "2026-03-04T12:00:00.000Z"},
        "hint": "Wait until the lease is over, or ask an operator to release the session.",
    }


def test_whoever_waits_as_long_as_told_gets_the_lease():
    machine = two_devices()
    machine.done(open_session())
    machine.now += timedelta(milliseconds=59_001)
    seconds = machine.refused(open_session(2, device=OTHER_DEVICE)).members["retryAfterSeconds"]
    assert seconds == 121
    machine.wait(121)
    decision = machine.done(open_session(2, device=OTHER_DEVICE))
    assert ends_in(decision) == [SessionEnd.EXPIRED]
    assert session_of(machine).device == OTHER_DEVICE


def test_a_renewed_lease_keeps_others_out():
    machine = two_devices()
    machine.done(open_session())
    machine.wait(LEASE_TTL_SECONDS - 1)
    renew(FOLLOWER, session_of(machine), machine.readings, machine.now)
    machine.wait(LEASE_TTL_SECONDS - 1)
    assert machine.refused(open_session(2, device=OTHER_DEVICE)).members["retryAfterSeconds"] == 1


def test_the_same_device_takes_its_own_lease_over_at_once():
    machine = two_devices()
    machine.done(open_session())
    decision = machine.done(open_session(2))
    assert [type(event) for event in decision.events] == [SessionEnded, SessionOpened]
    assert ends_in(decision) == [SessionEnd.TAKEN_OVER]
    assert session_of(machine).session == SECOND
    assert machine.account().ended_sessions == {FIRST: "token-1"}


def test_the_lease_of_a_former_session_says_nothing_about_the_next():
    machine = two_devices()
    machine.done(open_session())
    renew(FOLLOWER, session_of(machine), machine.readings, machine.now)
    machine.wait(LEASE_TTL_SECONDS - 1)
    machine.done(open_session(2))
    refusal = machine.refused(open_session(3, device=OTHER_DEVICE))
    assert refusal.members["retryAfterSeconds"] == LEASE_TTL_SECONDS


def test_an_account_that_needs_approval_starts_pending():
    machine = needing_approval()
    assert machine.done(open_session()).answer["status"] == "pending"
    assert not session_of(machine).approved


def test_an_approved_device_need_not_be_approved_at_every_restart():
    machine = needing_approval()
    machine.done(open_session())
    machine.done(approve())
    assert session_of(machine).approved
    machine.wait(LEASE_TTL_SECONDS)
    assert machine.done(open_session(2)).answer["status"] == "authenticated"


def test_another_device_of_the_account_needs_an_approval_of_its_own():
    machine = needing_approval()
    enrol(machine, FOLLOWER, OTHER_DEVICE)
    machine.done(open_session())
    machine.done(approve())
    machine.wait(LEASE_TTL_SECONDS)
    assert machine.done(open_session(2, device=OTHER_DEVICE)).answer["status"] == "pending"


def test_a_forced_release_takes_the_approval_away():
    machine = needing_approval()
    machine.done(open_session())
    machine.done(approve())
    machine.done(end(SessionEnd.FORCED))
    assert machine.done(open_session(2)).answer["status"] == "pending"


def test_approving_twice_changes_nothing_the_second_time():
    machine = needing_approval()
    machine.done(open_session())
    machine.done(approve())
    assert machine.done(approve()).events == ()


def test_approving_a_session_that_is_not_there_is_refused():
    machine = needing_approval()
    assert machine.refused(approve(None)).code == "session_unknown"
    machine.done(open_session())
    assert machine.refused(approve(SECOND)).code == "session_unknown"


def test_a_release_is_answered_alike_however_often_it_comes():
    machine = two_devices()
    machine.done(open_session())
    first = machine.done(end(SessionEnd.RELEASED))
    again = machine.done(end(SessionEnd.RELEASED))
    assert first.answer == again.answer == {"status": "released"}
    assert again.events == ()
    assert machine.account().session is None


def test_a_late_release_does_not_end_the_session_that_came_after():
    machine = two_devices()
    machine.done(open_session())
    machine.done(open_session(2))
    assert machine.done(end(SessionEnd.RELEASED)).events == ()
    assert session_of(machine).session == SECOND


def test_a_session_that_never_was_cannot_be_ended():
    machine = two_devices()
    assert machine.refused(end(SessionEnd.RELEASED, SessionId("never"))).code == "session_unknown"


def test_an_operator_may_end_whatever_session_there_is():
    machine = two_devices()
    machine.done(open_session())
    assert ends_in(machine.done(end(SessionEnd.FORCED, session=None))) == [SessionEnd.FORCED]
    assert machine.done(end(SessionEnd.FORCED, session=None)).events == ()


def test_a_rejection_ends_a_pending_session_and_not_an_approved_one():
    machine = needing_approval()
    machine.done(open_session())
    machine.done(approve())
    assert machine.refused(end(SessionEnd.REJECTED)).code == "session_not_pending"
    machine.done(end(SessionEnd.FORCED))
    machine.done(open_session(2))
    assert ends_in(machine.done(end(SessionEnd.REJECTED, SECOND))) == [SessionEnd.REJECTED]


def test_operators_act_under_their_own_name():
    machine = two_devices()
    machine.done(open_session())
    anonymous = EndSession(account=FOLLOWER, session=FIRST, reason=SessionEnd.FORCED)
    assert machine.refused(anonymous).code == "subject_missing"


@pytest.mark.parametrize("reason", [SessionEnd.EXPIRED, SessionEnd.TAKEN_OVER])
def test_nobody_asks_for_an_expiry_or_a_take_over(reason: SessionEnd):
    machine = two_devices()
    machine.done(open_session())
    assert machine.refused(end(reason)).code == "reason_invalid"


def test_a_command_that_the_queue_delivers_twice_ends_one_session_only():
    machine = two_devices()
    machine.done(open_session())
    machine.done(end(SessionEnd.FORCED, None, revision=3))
    machine.done(open_session(2))
    again = machine.done(end(SessionEnd.FORCED, None, revision=3))
    assert [type(event) for event in again.events] == [StaleIgnored]
    assert session_of(machine).session == SECOND


def test_leases_expire_in_the_order_of_account_ids_and_not_before_their_time():
    machine = leader_and_follower()
    machine.done(open_session(1, account=LEADER))
    machine.done(open_session(2, account=FOLLOWER))
    machine.wait(LEASE_TTL_SECONDS - 1)
    assert expired_sessions(machine.state, machine.context()) == ()
    machine.wait(1)
    ended = expired_sessions(machine.state, machine.context())
    assert [(event.account, event.reason) for event in ended] == [
        (FOLLOWER, SessionEnd.EXPIRED),
        (LEADER, SessionEnd.EXPIRED),
    ]


@pytest.mark.parametrize(
    ("reason", "note"),
    [
        (SessionEnd.RELEASED, OutboxType.SESSION_RELEASED),
        (SessionEnd.FORCED, OutboxType.SESSION_RELEASED),
        (SessionEnd.REJECTED, OutboxType.SESSION_REJECTED),
        (SessionEnd.EXPIRED, OutboxType.SESSION_EXPIRED),
    ],
)
def test_every_end_but_a_take_over_is_told_in_the_outbox(reason: SessionEnd, note: OutboxType):
    machine = needing_approval()
    machine.done(open_session())
    machine.apply([SessionEnded(account=FOLLOWER, session=FIRST, reason=reason, subject="operator")])
    told = machine.outbox()[-1]
    assert (told.event_type, told.payload) == (note, {"sessionId": FIRST, "reason": reason})


def test_an_outbox_that_nobody_reads_holds_one_word_on_sessions():
    machine = needing_approval()
    before = len(machine.outbox())
    for number in range(1, 50):
        machine.done(open_session(number))
        machine.done(approve(None))
        machine.done(end(SessionEnd.FORCED, None))
    assert len(machine.outbox()) == before + 1
    assert machine.outbox()[-1].event_type == OutboxType.SESSION_RELEASED


def test_the_dead_tokens_of_the_last_sessions_are_remembered_and_no_more():
    machine = two_devices()
    for number in range(1, ENDED_SESSIONS_KEPT + 10):
        machine.done(open_session(number))
    ended = list(machine.account().ended_sessions)
    assert len(ended) == ENDED_SESSIONS_KEPT
    assert ended[-1] == f"session-{ENDED_SESSIONS_KEPT + 8}"
