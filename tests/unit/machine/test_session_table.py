"""The table of a session's life is whole, and the machine keeps to it."""

import pytest

from kopitra.domain.identifiers import SessionId
from kopitra.domain.sessions import TRANSITIONS, SessionPhase, SessionStep, allowed
from kopitra.machine.events import AnyEvent, SessionApproved, SessionEnd, SessionEnded, SessionOpened
from kopitra.machine.leases import phase_of
from tests.unit.machine.driven import DEVICE, FOLLOWER, DrivenMachine, enrol

ONLY = SessionId("only")
ALL = [(phase, step) for phase in SessionPhase for step in SessionStep]


def in_phase(phase: SessionPhase) -> DrivenMachine:
    machine = DrivenMachine()
    enrol(machine, FOLLOWER)
    if phase is not SessionPhase.ABSENT:
        machine.apply([opened(phase is SessionPhase.ACTIVE)])
    return machine


def opened(approved: bool) -> SessionOpened:
    return SessionOpened(
        account=FOLLOWER,
        session=ONLY,
        device=DEVICE,
        nonce="nonce",
        token_hash="token",
        key_id="key",
        approved=approved,
        lease_seconds=180,
    )


def event_of(step: SessionStep) -> AnyEvent:
    match step:
        case SessionStep.OPENED | SessionStep.OPENED_UNAPPROVED:
            return opened(step is SessionStep.OPENED)
        case SessionStep.APPROVED:
            return SessionApproved(account=FOLLOWER, session=ONLY, subject="operator")
        case _:
            return SessionEnded(account=FOLLOWER, session=ONLY, reason=SessionEnd(step))


@pytest.mark.parametrize(("phase", "step"), [pair for pair in ALL if allowed(*pair)])
def test_an_allowed_step_leads_where_the_table_says(phase: SessionPhase, step: SessionStep):
    machine = in_phase(phase)
    machine.apply([event_of(step)])
    assert phase_of(machine.account().session) is TRANSITIONS[phase, step]


@pytest.mark.parametrize(("phase", "step"), [pair for pair in ALL if not allowed(*pair)])
def test_a_step_that_is_not_in_the_table_cannot_be_applied(phase: SessionPhase, step: SessionStep):
    machine = in_phase(phase)
    with pytest.raises(ValueError, match="session"):
        machine.apply([event_of(step)])
    assert phase_of(machine.account().session) is phase


def test_every_phase_can_be_reached_and_left():
    reached = set(TRANSITIONS.values())
    left = {phase for phase, _ in TRANSITIONS}
    assert reached == left == set(SessionPhase)


def test_an_event_about_another_session_cannot_be_applied():
    machine = in_phase(SessionPhase.ACTIVE)
    other = SessionEnded(account=FOLLOWER, session=SessionId("other"), reason=SessionEnd.EXPIRED)
    with pytest.raises(ValueError, match="has no session other"):
        machine.apply([other])
