"""Who may copy whom."""

from itertools import pairwise

import pytest

from kopitra.domain import limits
from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.machine.decisions import copy_graph
from kopitra.machine.outcome import Refusal, Result
from tests.unit.machine.driven import (
    DrivenMachine,
    publish_account,
    publish_group,
    publish_subscription,
)


def accounts(names: str) -> DrivenMachine:
    machine = DrivenMachine()
    for name in names:
        machine.done(publish_account(name))
    return machine


def lead(machine: DrivenMachine, *leaders: str, revision: int = 1, enabled: bool = True) -> Result:
    """Publish the group of these leaders, named after the first."""
    group = GroupId(f"of-{leaders[0]}")
    return machine.ask(publish_group(*leaders, group=group, revision=revision, enabled=enabled))


def follow(
    machine: DrivenMachine, leader: str, follower: str, revision: int = 1, enabled: bool = True
) -> Result:
    """Subscribe to the group named after the leader."""
    subscription = publish_subscription(
        revision,
        subscription=SubscriptionId(f"{follower}-of-{leader}"),
        group=GroupId(f"of-{leader}"),
        follower=AccountId(follower),
        enabled=enabled,
    )
    return machine.ask(subscription)


def code(result: Result) -> str | None:
    return result.code if isinstance(result, Refusal) else None


def chain(names: str) -> DrivenMachine:
    """Each account copies the one before it."""
    machine = accounts(names)
    for leader, follower in pairwise(names):
        lead(machine, leader)
        assert code(follow(machine, leader, follower)) is None
    return machine


def test_an_account_never_follows_itself():
    machine = accounts("ab")
    lead(machine, "a", "b")
    assert code(follow(machine, "a", "b")) == "follows_itself"
    assert code(follow(machine, "a", "a", enabled=False)) == "follows_itself"


def test_a_follower_that_becomes_a_leader_of_its_own_group_is_refused():
    machine = chain("ab")
    assert code(lead(machine, "a", "b", revision=2)) == "follows_itself"


def test_a_trade_is_copied_three_times_in_a_row_at_most():
    machine = chain("abcd")
    machine.done(publish_account("e"))
    lead(machine, "d")
    assert code(follow(machine, "d", "e")) == "chain_too_long"


def test_a_chain_is_as_long_above_as_below():
    machine = accounts("abcdef")
    for leader, follower in ("ab", "bc", "de", "ef"):
        lead(machine, leader)
        assert code(follow(machine, leader, follower)) is None
    lead(machine, "c")
    assert code(follow(machine, "c", "d")) == "chain_too_long"
    assert code(follow(machine, "c", "f")) is None


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_copies_never_run_in_a_circle(names: str):
    machine = chain(names)
    lead(machine, names[-1])
    assert code(follow(machine, names[-1], names[0])) == "copy_circle"


def test_a_circle_by_a_group_that_gets_another_leader_is_refused():
    machine = chain("abc")
    machine.done(publish_account("x"))
    lead(machine, "x")
    assert code(follow(machine, "x", "a")) is None
    assert code(lead(machine, "x", "c", revision=2)) == "copy_circle"


def test_a_subscription_that_is_not_enabled_makes_no_circle_until_it_is():
    machine = chain("ab")
    lead(machine, "b")
    assert code(follow(machine, "b", "a", enabled=False)) is None
    assert code(follow(machine, "b", "a", revision=2)) == "copy_circle"


def test_a_group_that_is_not_enabled_makes_no_circle_until_it_is():
    machine = chain("ab")
    lead(machine, "b", enabled=False)
    assert code(follow(machine, "b", "a")) is None
    assert code(lead(machine, "b", revision=2)) == "copy_circle"


def test_a_circle_that_was_opened_elsewhere_may_be_closed_here():
    machine = chain("ab")
    follow(machine, "a", "b", revision=2, enabled=False)
    lead(machine, "b")
    assert code(follow(machine, "b", "a")) is None


def test_a_leader_has_no_more_followers_than_were_tested(monkeypatch: pytest.MonkeyPatch):
    assert limits.MAX_FOLLOWERS_PER_LEADER == 5_000
    monkeypatch.setattr(copy_graph, "MAX_FOLLOWERS_PER_LEADER", 3)
    machine = accounts("abcdexy")
    lead(machine, "a")
    for follower in "bcd":
        assert code(follow(machine, "a", follower)) is None
    refusal = follow(machine, "a", "e")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "max_followers_per_leader"
    assert "MAX_FOLLOWERS_PER_LEADER (3)" in refusal.detail
    assert code(follow(machine, "a", "d", revision=2)) is None, "a known follower counts once"
    follow(machine, "a", "d", revision=3, enabled=False)
    assert code(follow(machine, "a", "e")) is None


def test_followers_from_all_of_a_leaders_groups_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(copy_graph, "MAX_FOLLOWERS_PER_LEADER", 3)
    machine = accounts("abcdexy")
    lead(machine, "a")
    lead(machine, "x")
    for leader, follower in ("ab", "ac", "xd", "xe"):
        assert code(follow(machine, leader, follower)) is None
    assert code(lead(machine, "x", "a", revision=2)) == "max_followers_per_leader"
    assert code(lead(machine, "a", revision=2)) is None, "its own followers are not counted twice"


def test_five_thousand_followers_are_published_without_walking_them_all_each_time():
    machine = DrivenMachine()
    machine.done(publish_account("a"))
    lead(machine, "a")
    for number in range(limits.MAX_FOLLOWERS_PER_LEADER):
        machine.done(publish_account(f"f{number}"))
        assert code(follow(machine, "a", f"f{number}")) is None
    machine.done(publish_account("one-more"))
    assert code(follow(machine, "a", "one-more")) == "max_followers_per_leader"
    assert code(lead(machine, "a", revision=2)) is None
