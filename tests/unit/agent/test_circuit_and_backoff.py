"""When the line is left alone and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.link.backoff import Backoff, BackoffPolicy
from kopitra_agent.link.circuit import COOL_DOWN_SECONDS, FAILURES_TO_OPEN, Circuit, CircuitState


def opened_circuit() -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURES_TO_OPEN):
        assert circuit.permit(0.0) == 0.0
        circuit.failed(0.0)
    return circuit


def test_a_few_failures_leave_the_circuit_closed():
    circuit = Circuit()
    for _ in range(FAILURES_TO_OPEN - 1):
        circuit.failed(0.0)
    assert circuit.state is CircuitState.CLOSED
    assert circuit.failing


def test_failures_in_a_row_open_it_and_nobody_may_call():
    circuit = opened_circuit()
    assert circuit.state is CircuitState.OPEN
    assert circuit.permit(0.5) == COOL_DOWN_SECONDS - 0.5


def test_after_cooling_down_one_call_probes_and_the_others_wait():
    circuit = opened_circuit()
    assert circuit.permit(COOL_DOWN_SECONDS) == 0.0
    assert circuit.state is CircuitState.HALF_OPEN
    assert circuit.permit(COOL_DOWN_SECONDS) > 0


def test_a_probe_that_succeeds_closes_it_and_says_that_the_line_recovered():
    circuit = opened_circuit()
    circuit.permit(COOL_DOWN_SECONDS)
    assert circuit.succeeded()
    assert circuit.state is CircuitState.CLOSED
    assert not circuit.succeeded()


def test_a_probe_that_fails_opens_it_again():
    circuit = opened_circuit()
    circuit.permit(COOL_DOWN_SECONDS)
    circuit.failed(COOL_DOWN_SECONDS)
    assert circuit.state is CircuitState.OPEN
    assert circuit.permit(COOL_DOWN_SECONDS + 0.1) > 0


def test_a_probe_that_was_given_up_lets_another_probe():
    circuit = opened_circuit()
    circuit.permit(COOL_DOWN_SECONDS)
    circuit.abandoned()
    assert circuit.permit(COOL_DOWN_SECONDS) == 0.0


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_ceiling_and_keep_half_of_themselves(failures: int, share: float):
    policy = BackoffPolicy(first=0.2, factor=2.0, ceiling=4.0)
    pause = policy.pause(failures, share)
    whole = min(0.2 * 2.0 ** (failures - 1), 4.0) if failures < 30 else 4.0
    assert whole / 2 <= pause <= whole


def test_two_agents_that_fail_together_do_not_come_back_together():
    first, second = (Backoff(VirtualTime(seed)) for seed in (1, 2))
    assert [first.next() for _ in range(5)] != [second.next() for _ in range(5)]


def test_what_the_server_asks_for_is_honoured():
    backoff = Backoff(VirtualTime(1))
    assert backoff.next(at_least=30.0) == 30.0
    assert backoff.next() < 30.0
