"""Shuffled signals: each arrives once, each answer comes back to its own signal, a repetition is as the first was."""

import msgspec

from kopitra.protocol.headers import IDEMPOTENCY_KEY
from kopitra.simulation.draws import SeededDraws
from kopitra_agent.ports.transport import Request, Response
from tests.simulation.stage.shuffling import Shuffler, arriving, returning

LEADER = "leader-1"


def signals(number: int, key: str = "first") -> Request:
    body = msgspec.json.encode({"signals": [{"ordinal": ordinal} for ordinal in range(number)]})
    headers = {IDEMPOTENCY_KEY: key}
    return Request(method="POST", path="/trade-agent/v1/signals", headers=headers, timeout=5, body=body)


def ordinals(request: Request) -> list[int]:
    assert request.body is not None
    return [signal["ordinal"] for signal in msgspec.json.decode(request.body)["signals"]]


def armed(seed: int = 1) -> Shuffler:
    shuffler = Shuffler()
    shuffler.shuffle_next(LEADER, SeededDraws(seed))
    return shuffler


def test_every_signal_arrives_once_in_another_order() -> None:
    for seed in range(20):
        request = signals(5)
        order, _ = armed(seed).order_of(LEADER, request)
        if order is not None:
            came = ordinals(arriving(request, order))
            assert sorted(came) == [0, 1, 2, 3, 4]
            assert came != sorted(came)


def test_each_answer_comes_back_to_the_signal_that_it_is_of() -> None:
    request = signals(6)
    order, new = armed().order_of(LEADER, request)
    assert order is not None
    assert new
    results = [{"sequence": ordinal} for ordinal in ordinals(arriving(request, order))]
    response = Response(status=202, headers={}, body=msgspec.json.encode({"results": results}))
    told = msgspec.json.decode(returning(response, order).body)["results"]
    assert [result["sequence"] for result in told] == [0, 1, 2, 3, 4, 5]


def test_a_problem_comes_back_as_it_is() -> None:
    response = Response(status=503, headers={}, body=b'{"code": "starting"}')
    assert returning(response, (1, 0)) is response


def test_a_repetition_arrives_as_the_first_did_and_the_next_batch_in_order() -> None:
    shuffler = armed()
    first, _ = shuffler.order_of(LEADER, signals(6))
    assert shuffler.order_of(LEADER, signals(6)) == (first, False)
    assert shuffler.order_of(LEADER, signals(6, "second")) == (None, False)


def test_a_single_signal_waits_for_company() -> None:
    shuffler = armed()
    assert shuffler.order_of(LEADER, signals(1)) == (None, False)
    assert shuffler.order_of(LEADER, signals(6, "second"))[1]


def test_only_the_account_that_was_named_is_shuffled_and_nobody_after_the_calm() -> None:
    shuffler = armed()
    assert shuffler.order_of("leader-2", signals(6)) == (None, False)
    shuffler.calm()
    assert shuffler.order_of(LEADER, signals(6, "second")) == (None, False)
