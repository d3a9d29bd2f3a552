"""Layers of settings in the machine: revisions, refusals that change nothing, and rules that follow their layers."""

from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.guards import Guard, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.sizing_modes import BalanceRatio, SameVolume
from kopitra.machine.commands import Command, PublishSettings
from kopitra.machine.events import SettingsConfigured, StaleIgnored
from kopitra.machine.state_codec import decode_state, encode_state, state_hash
from tests.unit.machine.driven import (
    ELSEWHERE,
    FOLLOWER,
    GROUP,
    LEADER,
    SUBSCRIPTION,
    TENANT,
    DrivenMachine,
    leader_and_follower,
    publish_account,
    publish_group,
    publish_subscription,
)

PLATFORM, OF_GROUP, OF_FOLLOWER = SettingsScope.PLATFORM, SettingsScope.GROUP, SettingsScope.FOLLOWER
NOTHING = CopySettings()


def publish(
    scope: SettingsScope, revision: int = 1, target: str | None = None, **given: Any
) -> PublishSettings:
    targets = {PLATFORM: "", OF_GROUP: str(GROUP), OF_FOLLOWER: str(FOLLOWER)}
    return PublishSettings(
        scope=scope,
        target=targets[scope] if target is None else target,
        tenant=TENANT,
        revision=revision,
        settings=CopySettings(**given),
    )


def rules(machine: DrivenMachine, subscription: SubscriptionId = SUBSCRIPTION) -> CopyRules:
    return machine.state.subscriptions[subscription].rules


def unset(machine: DrivenMachine) -> DrivenMachine:
    """Its subscription leaves everything but the sizing to other layers."""
    machine.done(publish_subscription(2, rules=CopySettings(sizing=SameVolume())))
    return machine


def test_every_layer_counts_and_the_later_wins():
    machine = unset(leader_and_follower())
    machine.done(publish(PLATFORM, multiplier=Decimal(2), reverse=True, open_ttl_seconds=10))
    machine.done(publish(OF_GROUP, multiplier=Decimal(3), reverse=False))
    machine.done(publish(OF_FOLLOWER, multiplier=Decimal(4), sizing=BalanceRatio()))
    found = rules(machine)
    assert (found.multiplier, found.reverse, found.open_ttl_seconds) == (Decimal(4), False, 10)
    assert found.sizing == BalanceRatio()


def test_a_layer_that_is_published_again_replaces_the_whole_layer():
    machine = unset(leader_and_follower())
    machine.done(publish(PLATFORM, reverse=True))
    machine.done(publish(PLATFORM, 2, open_ttl_seconds=10))
    assert (rules(machine).reverse, rules(machine).open_ttl_seconds) == (False, 10)


def test_a_revision_that_is_not_higher_is_recorded_as_stale_and_changes_nothing():
    machine = unset(leader_and_follower())
    machine.done(publish(OF_GROUP, 3, reverse=True))
    before = machine.said()
    for revision in (3, 2):
        decision = machine.done(publish(OF_GROUP, revision, reverse=False))
        (event,) = decision.events
        assert isinstance(event, StaleIgnored)
        assert (event.scope, event.current) == ("settings:group:group", 3)
    assert machine.said() == before


def test_each_scope_and_target_has_revisions_of_its_own():
    machine = unset(leader_and_follower())
    machine.done(publish(PLATFORM, 9))
    for command in (publish(OF_GROUP, 1), publish(OF_FOLLOWER, 1), publish(OF_FOLLOWER, 1, LEADER)):
        (event,) = machine.done(command).events
        assert isinstance(event, SettingsConfigured)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (publish(OF_GROUP, target="nobody"), "group_unknown"),
        (publish(OF_FOLLOWER, target="nobody"), "account_unknown"),
        (publish(PLATFORM, target="moon"), "settings_target_invalid"),
        (publish(OF_FOLLOWER, multiplier=Decimal(-1)), "rules_invalid"),
        (publish(OF_FOLLOWER, target=LEADER, multiplier=Decimal(-1)), "rules_invalid"),
    ],
)
def test_a_refused_layer_changes_nothing(command: Command, code: str):
    machine = unset(leader_and_follower())
    before = machine.said(), machine.state.sequence
    assert machine.refused(command).code == code
    assert (machine.said(), machine.state.sequence) == before


def test_tenants_never_cross():
    machine = unset(leader_and_follower())
    for scope, target in ((OF_GROUP, GROUP), (OF_FOLLOWER, FOLLOWER)):
        command = PublishSettings(scope=scope, target=target, tenant=ELSEWHERE, revision=1, settings=NOTHING)
        assert machine.refused(command).code == "tenant_crossed"
    theirs = PublishSettings(
        scope=PLATFORM, target="", tenant=ELSEWHERE, revision=1, settings=CopySettings(reverse=True)
    )
    machine.done(theirs)
    assert not rules(machine).reverse


def test_a_layer_may_give_what_a_subscription_leaves_open():
    machine = leader_and_follower()
    open_sizing = publish_subscription(2, rules=NOTHING)
    refusal = machine.refused(open_sizing)
    assert refusal.code == "rules_invalid"
    assert (
        f"Subscription {SUBSCRIPTION} would have no valid rules: sizing is set for neither" in refusal.detail
    )
    machine.done(publish(PLATFORM, sizing=BalanceRatio()))
    machine.done(open_sizing)
    assert rules(machine).sizing == BalanceRatio()


def test_no_layer_takes_away_what_an_enabled_subscription_needs():
    machine = leader_and_follower()
    machine.done(publish(PLATFORM, sizing=BalanceRatio()))
    machine.done(publish_subscription(2, rules=NOTHING))
    refusal = machine.refused(publish(PLATFORM, 2))
    assert refusal.code == "rules_invalid"
    assert "sizing is set for neither" in refusal.detail
    assert f"for subscription {SUBSCRIPTION}" in refusal.detail
    machine.done(publish_subscription(3, rules=NOTHING, enabled=False))
    machine.done(publish(PLATFORM, 2))
    assert machine.refused(publish_subscription(4, rules=NOTHING)).code == "rules_invalid"


def test_a_clash_of_layers_is_told_with_subscription_setting_and_layer():
    machine = unset(leader_and_follower())
    machine.done(publish(OF_GROUP, min_volume=Decimal(2)))
    refusal = machine.refused(publish(PLATFORM, max_volume=Decimal(1)))
    assert refusal.members["errors"] == [
        {
            "path": "maxVolume",
            "message": "must not be below minVolume (2) (set for the platform), for subscription subscription",
        }
    ]


def test_a_layer_that_is_narrower_may_mend_what_would_clash():
    machine = unset(leader_and_follower())
    machine.done(publish(OF_FOLLOWER, max_volume=Decimal(5)))
    machine.done(publish(OF_GROUP, max_volume=Decimal(1)))
    machine.done(publish(PLATFORM, min_volume=Decimal(2)))
    assert machine.refused(publish(OF_FOLLOWER, 2)).code == "rules_invalid"


def test_guards_are_kept_with_their_layer_and_refused_where_they_make_no_sense():
    machine = unset(leader_and_follower())
    guard = Guard(name="many", kind=GuardKind.OPEN_POSITIONS, limit=Decimal(5), unit=GuardUnit.COUNT)

    def guarded(*guards: Guard) -> PublishSettings:
        return PublishSettings(
            scope=OF_GROUP, target=GROUP, tenant=TENANT, revision=1, settings=NOTHING, guards=guards
        )

    refusal = machine.refused(guarded(guard, guard))
    assert refusal.members["errors"] == [
        {"path": "guards", "message": "there is more than one guard named 'many'"}
    ]
    machine.done(guarded(guard))
    assert machine.state.layers["group:group"].guards == (guard,)


def test_the_version_of_rules_is_that_of_the_last_event_that_changed_them():
    machine = unset(leader_and_follower())

    def version() -> int:
        return machine.state.subscriptions[SUBSCRIPTION].rules_version

    machine.done(publish(PLATFORM, reverse=True))
    changed = machine.state.sequence
    assert version() == changed
    machine.done(publish(OF_GROUP, reverse=True))
    machine.done(publish_subscription(5, rules=CopySettings(sizing=SameVolume())))
    assert version() == changed
    machine.done(publish(OF_FOLLOWER, reverse=False))
    assert version() == machine.state.sequence


def test_layers_of_others_do_not_concern_a_subscription():
    machine = unset(leader_and_follower())
    machine.done(publish_account("third"))
    machine.done(publish_group(LEADER, group=GroupId("second")))
    machine.done(publish(OF_FOLLOWER, target="third", reverse=True))
    machine.done(publish(OF_GROUP, target="second", reverse=True))
    assert not rules(machine).reverse
    other = SubscriptionId("other")
    machine.done(
        publish_subscription(
            subscription=other,
            group=GroupId("second"),
            follower=AccountId("third"),
            rules=CopySettings(sizing=SameVolume()),
        )
    )
    assert rules(machine, other).reverse


def layered() -> DrivenMachine:
    machine = unset(leader_and_follower())
    machine.done(publish(PLATFORM, symbols={"EURUSD": "EURUSD.a"}))
    machine.done(publish(OF_FOLLOWER, symbols={"XAUUSD": "GOLD"}, multiplier=Decimal("1.50")))
    return machine


def test_replay_gives_the_same_state_and_the_same_rules():
    machine = layered()
    replayed = machine.replayed()
    assert state_hash(replayed) == state_hash(machine.state)
    assert replayed.subscriptions == machine.state.subscriptions


def test_a_snapshot_holds_layers_and_makes_the_rules_anew():
    machine = layered()
    loaded = decode_state(encode_state(machine.state))
    assert state_hash(loaded) == state_hash(machine.state)
    assert loaded.subscriptions == machine.state.subscriptions
    assert loaded.of_follower == machine.state.of_follower
    assert rules(machine).symbols == {"EURUSD": "EURUSD.a", "XAUUSD": "GOLD"}


def test_a_platform_setting_reaches_a_thousand_followers():
    machine = DrivenMachine()
    machine.done(publish_account(LEADER))
    machine.done(publish_group(LEADER))
    names = [SubscriptionId(f"s{number}") for number in range(1_000)]
    for name in names:
        machine.done(publish_account(f"f-{name}"))
        machine.done(
            publish_subscription(
                subscription=name,
                follower=AccountId(f"f-{name}"),
                rules=CopySettings(sizing=SameVolume()),
            )
        )
    machine.done(publish(PLATFORM, open_ttl_seconds=7))
    assert {rules(machine, name).open_ttl_seconds for name in names} == {7}
