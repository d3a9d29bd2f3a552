"""Accounts, groups and subscriptions: revisions only grow, tenants never meet, and a code is used once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.machine.commands import Command, Enrol
from kopitra.machine.events import AccountConfigured, SessionEnd, SessionEnded, StaleIgnored
from tests.unit.machine.driven import (
    DEVICE,
    ELSEWHERE,
    FOLLOWER,
    GROUP,
    LEADER,
    NOW,
    OTHER_DEVICE,
    SUBSCRIPTION,
    DrivenMachine,
    enrol,
    leader_and_follower,
    open_session,
    publish_account,
    publish_group,
    publish_subscription,
)


@pytest.mark.parametrize(
    ("same", "lower", "scope"),
    [
        (publish_account(LEADER, label="x"), publish_account(LEADER, 0), "account:leader"),
        (publish_group(LEADER), publish_group(LEADER, revision=0), "group:group"),
        (publish_subscription(), publish_subscription(0), "subscription:subscription"),
    ],
)
def test_a_revision_that_is_not_higher_is_recorded_as_stale_and_changes_nothing(
    same: Command, lower: Command, scope: str
):
    machine = leader_and_follower()
    before = machine.said()
    for command in (same, lower):
        decision = machine.done(command)
        assert [type(event) for event in decision.events] == [StaleIgnored]
        assert isinstance(decision.events[0], StaleIgnored)
        assert decision.events[0].scope == scope
        assert decision.answer["status"] == "stale"
    assert machine.said() == before


def test_a_higher_revision_replaces_the_whole_publication():
    machine = DrivenMachine()
    machine.done(publish_account(label="old", requires_approval=True))
    machine.done(publish_account(revision=7, enabled=False))
    account = machine.account()
    assert (account.revision, account.label, account.requires_approval, account.enabled) == (
        7,
        "",
        False,
        False,
    )


def test_the_ea_of_a_changed_account_is_told_once_however_often_it_changes():
    machine = DrivenMachine()
    machine.done(publish_account())
    assert machine.outbox() == []
    machine.done(publish_account(revision=2))
    machine.done(publish_account(revision=3))
    (note,) = machine.outbox()
    assert note.event_type == OutboxType.CONFIG_CHANGED
    assert note.payload == {"scope": "account", "revision": "3"}
    assert note.sequence == machine.state.sequence


@pytest.mark.parametrize(
    "command",
    [
        publish_account(LEADER, 9, tenant=ELSEWHERE),
        publish_group(LEADER, revision=9, tenant=ELSEWHERE),
        publish_group(LEADER, group=GroupId("theirs"), tenant=ELSEWHERE),
        publish_subscription(9, tenant=ELSEWHERE),
        publish_subscription(subscription=SubscriptionId("theirs"), tenant=ELSEWHERE),
        publish_subscription(subscription=SubscriptionId("new"), follower=AccountId("foreign")),
    ],
)
def test_tenants_never_cross(command: Command):
    machine = leader_and_follower()
    machine.done(publish_account("foreign", tenant=ELSEWHERE))
    assert machine.refused(command).code == "tenant_crossed"


def test_a_group_needs_leaders_that_are_known():
    machine = leader_and_follower()
    assert machine.refused(publish_group(revision=2)).code == "group_without_leaders"
    assert machine.refused(publish_group(LEADER, "nobody", revision=2)).code == "account_unknown"


def test_a_leader_named_twice_leads_once():
    machine = leader_and_follower()
    machine.done(publish_group(LEADER, LEADER, revision=2))
    assert machine.state.groups[GROUP].leaders == (LEADER,)


def test_a_subscription_needs_a_known_group_and_follower():
    machine = leader_and_follower()
    other = SubscriptionId("other")
    unknown_group = publish_subscription(subscription=other, group=GroupId("nobody"))
    unknown_follower = publish_subscription(subscription=other, follower=AccountId("nobody"))
    assert machine.refused(unknown_group).code == "group_unknown"
    assert machine.refused(unknown_follower).code == "account_unknown"


def test_a_subscription_stays_with_its_follower_and_its_group():
    machine = leader_and_follower()
    machine.done(publish_account("third"))
    machine.done(publish_group(LEADER, group=GroupId("second")))
    assert machine.refused(publish_subscription(2, follower=AccountId("third"))).code == "subscription_moved"
    assert machine.refused(publish_subscription(2, group=GroupId("second"))).code == "subscription_moved"


def test_rules_that_cannot_be_used_are_refused_with_every_problem():
    machine = leader_and_follower()
    rules = CopySettings(sizing=SameVolume(), multiplier=Decimal(0), open_ttl_seconds=0)
    refusal = machine.refused(publish_subscription(2, rules=rules))
    assert refusal.code == "rules_invalid"
    assert refusal.members["errors"] == [
        {"path": "multiplier", "message": "must be above zero"},
        {"path": "openTtlSeconds", "message": "must be from 1 to 86400"},
    ]


def test_followers_are_indexed_by_leader_in_the_order_of_their_subscriptions():
    machine = leader_and_follower()
    for name in ("b", "zz", "a"):
        machine.done(publish_account(name))
        machine.done(publish_subscription(subscription=SubscriptionId(name), follower=AccountId(name)))
    assert machine.state.by_leader == {LEADER: ("a", "b", SUBSCRIPTION, "zz")}
    machine.done(
        publish_subscription(2, subscription=SubscriptionId("b"), follower=AccountId("b"), enabled=False)
    )
    assert machine.state.by_leader == {LEADER: ("a", SUBSCRIPTION, "zz")}


def test_a_disabled_group_has_no_copies_and_a_changed_one_has_its_new_leaders():
    machine = leader_and_follower()
    machine.done(publish_group(LEADER, revision=2, enabled=False))
    assert machine.state.by_leader == {}
    machine.done(publish_account("second"))
    machine.done(publish_group("second", revision=3))
    assert machine.state.by_leader == {"second": (SUBSCRIPTION,)}


def test_a_code_that_was_used_stays_used_when_it_is_published_again():
    machine = DrivenMachine()
    machine.done(publish_account(enrolment_code_hash="code"))
    machine.done(Enrol(code_hash="code", device=DEVICE, secret_hash="secret"))
    machine.done(publish_account(revision=2, enrolment_code_hash="code"))
    assert machine.state.codes == {}
    assert machine.refused(Enrol(code_hash="code", device=DEVICE, secret_hash="other")).status == 401


def test_a_code_belongs_to_one_account():
    machine = DrivenMachine()
    machine.done(publish_account(LEADER, enrolment_code_hash="code"))
    assert machine.refused(publish_account(enrolment_code_hash="code")).code == "enrolment_code_taken"


def test_a_code_without_an_expiry_lives_three_days_and_publishing_it_again_does_not_prolong_it():
    machine = DrivenMachine()
    machine.done(publish_account(enrolment_code_hash="code"))
    machine.wait(3600)
    decision = machine.done(publish_account(revision=2, enrolment_code_hash="code"))
    assert isinstance(decision.events[0], AccountConfigured)
    assert decision.events[0].enrolment_expires_at == NOW + timedelta(hours=72)


def test_a_new_publication_without_a_code_withdraws_the_old_one():
    machine = DrivenMachine()
    machine.done(publish_account(enrolment_code_hash="code"))
    machine.done(publish_account(revision=2))
    assert (
        machine.refused(Enrol(code_hash="code", device=DEVICE, secret_hash="s")).code == "enrolment_refused"
    )


def test_revoking_a_device_ends_its_session_and_its_secret_at_once():
    machine = leader_and_follower()
    machine.done(open_session())
    decision = machine.done(publish_account(revision=3, revoked_devices=(DEVICE,)), actor="operator")
    ended = decision.events[1]
    assert isinstance(ended, SessionEnded)
    assert (ended.reason, ended.subject) == (SessionEnd.FORCED, "operator")
    assert machine.account().session is None
    assert machine.refused(open_session(2)).code == "credentials_refused"


def test_revoking_one_device_leaves_the_session_of_another_alone():
    machine = leader_and_follower()
    enrol(machine, FOLLOWER, OTHER_DEVICE)
    machine.done(open_session())
    machine.done(publish_account(revision=4, revoked_devices=(OTHER_DEVICE,)))
    assert machine.account().session is not None
    assert list(machine.account().devices) == [DEVICE]
