"""The first answer to an idempotency key is kept for a day, and only so many of them."""

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.limits import IDEMPOTENCY_HOURS, IDEMPOTENCY_KEYS_PER_ACCOUNT
from kopitra.machine.answers import recall
from kopitra.machine.commands import RememberAnswer
from kopitra.machine.evolutions import answers
from tests.unit.machine.driven import FOLLOWER, LEADER, DrivenMachine, leader_and_follower

SCOPE = "POST /signals"
DAY = IDEMPOTENCY_HOURS * 3600


def remember(
    key: str, body: bytes = b"{}", scope: str = SCOPE, account: AccountId = FOLLOWER
) -> RememberAnswer:
    return RememberAnswer(account=account, scope=scope, key=key, digest=b"digest", status=202, body=body)


def body_of(
    machine: DrivenMachine, key: str, scope: str = SCOPE, account: AccountId = FOLLOWER
) -> bytes | None:
    answer = recall(machine.account(account), scope, key, machine.now)
    return answer.body if answer is not None else None


def test_the_first_answer_to_a_key_stays():
    machine = leader_and_follower()
    machine.done(remember("key", b"first"))
    assert machine.done(remember("key", b"second")).events == ()
    assert body_of(machine, "key") == b"first"


def test_a_key_belongs_to_its_account_and_its_scope():
    machine = leader_and_follower()
    machine.done(remember("key", b"signal"))
    machine.done(remember("key", b"execution", scope="POST /executions"))
    machine.done(remember("key", b"leader", account=LEADER))
    assert body_of(machine, "key") == b"signal"
    assert body_of(machine, "key", scope="POST /executions") == b"execution"
    assert body_of(machine, "key", account=LEADER) == b"leader"


def test_an_answer_is_forgotten_after_a_day_and_the_key_is_free_again():
    machine = leader_and_follower()
    machine.done(remember("key", b"first"))
    machine.wait(DAY - 1)
    assert body_of(machine, "key") == b"first"
    machine.wait(1)
    assert body_of(machine, "key") is None
    machine.done(remember("key", b"second"))
    assert body_of(machine, "key") == b"second"


def test_old_answers_make_room_when_a_new_one_comes():
    machine = leader_and_follower()
    for number in range(5):
        machine.done(remember(f"old-{number}"))
    machine.wait(DAY)
    machine.done(remember("new"))
    assert list(machine.account().keys) == [f"{SCOPE}\nnew"]


def test_an_answer_that_was_outlived_and_given_again_counts_as_the_youngest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(answers, "IDEMPOTENCY_KEYS_PER_ACCOUNT", 2)
    machine = leader_and_follower()
    machine.done(remember("again"))
    machine.wait(DAY)
    machine.done(remember("again"))
    machine.done(remember("second"))
    machine.done(remember("third"))
    assert [key.split("\n")[1] for key in machine.account().keys] == ["second", "third"]


def test_above_the_limit_the_oldest_go_whatever_their_age():
    machine = leader_and_follower()
    for number in range(IDEMPOTENCY_KEYS_PER_ACCOUNT + 3):
        machine.done(remember(str(number)))
    assert len(machine.account().keys) == IDEMPOTENCY_KEYS_PER_ACCOUNT
    assert body_of(machine, "2") is None
    assert body_of(machine, "3") == b"{}"


def test_a_clock_that_goes_back_forgets_nothing_too_early():
    machine = leader_and_follower()
    machine.done(remember("before"))
    machine.wait(-3600)
    machine.done(remember("after"))
    assert body_of(machine, "before") == b"{}"


def test_an_unknown_account_keeps_no_answers():
    assert DrivenMachine().refused(remember("key")).code == "account_unknown"
