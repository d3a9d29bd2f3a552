"""Leases live in memory: what survives a restart is who held one."""

from datetime import timedelta

from kopitra.domain.limits import LEASE_TTL_SECONDS
from kopitra.machine.commands import EndSession
from kopitra.machine.decisions.sessions import expired_sessions
from kopitra.machine.events import SessionEnd
from kopitra.machine.leases import lease_end, readings_after_recovery
from tests.unit.machine.driven import FOLLOWER, LEADER, leader_and_follower, open_session


def test_after_a_restart_every_session_gets_one_full_term():
    machine = leader_and_follower()
    machine.done(open_session(1, account=LEADER))
    machine.done(open_session(2, account=FOLLOWER))
    machine.wait(10 * LEASE_TTL_SECONDS)
    machine.state = machine.replayed()
    machine.readings = readings_after_recovery(machine.state, machine.now)
    machine.wait(LEASE_TTL_SECONDS - 1)
    assert expired_sessions(machine.state, machine.context()) == ()
    machine.wait(1)
    assert len(expired_sessions(machine.state, machine.context())) == 2


def test_after_a_restart_whoever_had_a_session_counts_as_just_heard_of():
    machine = leader_and_follower()
    machine.done(open_session())
    readings = readings_after_recovery(machine.state, machine.now)
    assert readings.contacts == {FOLLOWER: machine.now}


def test_a_session_that_had_ended_gets_no_lease():
    machine = leader_and_follower()
    machine.done(open_session())
    machine.done(EndSession(account=FOLLOWER, session=None, reason=SessionEnd.RELEASED))
    assert readings_after_recovery(machine.state, machine.now).leases == {}


def test_after_a_restart_any_command_of_the_journal_may_have_been_handed_out():
    machine = leader_and_follower()
    readings = readings_after_recovery(machine.state, machine.now)
    assert readings.recovered_through == machine.state.sequence


def test_a_lease_that_was_never_renewed_runs_from_the_opening():
    machine = leader_and_follower()
    machine.done(open_session(lease_seconds=30))
    session = machine.account().session
    assert session is not None
    assert lease_end(FOLLOWER, session, machine.readings) == machine.now + timedelta(seconds=30)
