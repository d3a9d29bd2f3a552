"""A configuration file is understood whole or refused whole, with the line of every mistake."""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.machine import commands
from kopitra.protocol.operations import parse_operation, to_command
from kopitra_cli.configuration.document import read_document
from kopitra_cli.configuration.operations import Issue, messages_of, operations_of, told
from kopitra_cli.configuration.problems import ConfigurationInvalid

CODE = "4kq0vn3m8x2c7b5t1r9w6z"
FILE = f"""\
tenant: acme
accounts:
  leader-1: {{label: Main desk, enrolmentCode: {CODE}}}
  follower-1:
    requiresApproval: true
groups:
  majors: {{leaders: [leader-1]}}
subscriptions:
  follower-1-majors:
    group: majors
    follower: follower-1
    rules: {{sizing: {{mode: fixed_volume, volume: 0.1}}, multiplier: 1.10}}
halt: [{{scope: follower, target: follower-9, mode: flatten, reason: withdrawn}}]
resume: [{{scope: group, target: majors}}]
approve: [follower-1]
"""
CLASHING = """\
tenant: a
platform: {settings: {minVolume: 2}}
subscriptions: {s: {group: g, follower: f}}
followers:
  f: {settings: {
    maxVolume: 1}}
"""
ISSUE = Issue(by="anna", at=datetime(2026, 1, 5, 8, tzinfo=UTC), revision=17)


def published(text: str = FILE) -> list[Any]:
    messages = messages_of(operations_of(read_document(text, "desk.yaml"), ISSUE))
    return [to_command(parse_operation(message.body)) for message in messages]


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_document(text, "desk.yaml")
    return str(refusal.value).splitlines()


def test_a_file_becomes_commands_in_an_order_in_which_each_finds_what_it_names() -> None:
    assert [type(command) for command in published()] == [
        commands.PublishAccount,
        commands.PublishAccount,
        commands.PublishGroup,
        commands.Halt,
        commands.PublishSubscription,
        commands.Resume,
        commands.ApproveSession,
    ]


def test_every_command_carries_the_files_tenant_and_one_revision() -> None:
    configured = [command for command in published() if not isinstance(command, commands.ApproveSession)]
    assert {(command.tenant, command.revision) for command in configured} == {("acme", 17)}


def test_decimals_stay_exactly_as_they_are_written() -> None:
    [subscription] = [c for c in published() if isinstance(c, commands.PublishSubscription)]
    assert subscription.rules.sizing == msgspec.convert(
        {"mode": "fixed_volume", "volume": "0.1"}, type(subscription.rules.sizing)
    )
    assert str(subscription.rules.multiplier) == "1.10"
    assert isinstance(subscription.rules.multiplier, Decimal)


def test_an_enrolment_code_leaves_only_as_its_hash() -> None:
    messages = messages_of(operations_of(read_document(FILE, "desk.yaml"), ISSUE))
    assert not any(CODE.encode() in message.body for message in messages)
    assert published()[0].enrolment_code_hash == sha256(CODE.encode()).hexdigest()
    assert not any(CODE in told(operation) for operation in operations_of(read_document(FILE, ""), ISSUE))


def test_the_same_file_and_revision_give_the_same_message_ids() -> None:
    def ids(revision: int) -> list[str]:
        issue = msgspec.structs.replace(ISSUE, revision=revision)
        return [message.message_id for message in messages_of(operations_of(read_document(FILE, ""), issue))]

    assert ids(17) == ids(17)
    assert len(set(ids(17) + ids(18))) == 2 * len(ids(17))


@pytest.mark.parametrize(
    ("text", "told_as"),
    [
        ("tenant: [", "desk.yaml:1: not YAML"),
        ("- tenant", "desk.yaml:1: expected sections"),
        ("accounts: {}", "desk.yaml:1: Object missing required field `tenant`"),
        ("tenant: ''", "desk.yaml:1: tenant: must not be empty"),
        ("tenant: a\ntenant: b", "desk.yaml:2: tenant: given twice"),
        ("tenant: a\nacounts: {}", "desk.yaml:2: acounts: is not a setting here"),
        ("tenant: a\naccounts: [x]", "desk.yaml:2: accounts: expected names"),
        ("tenant: a\naccounts:\n  no: {}", "desk.yaml:3: accounts: 'no' is not text: put it in quotes"),
        ("tenant: a\naccounts:\n  x:\n    lable: y", "desk.yaml:4: accounts.x.lable: is not a setting here"),
        ("tenant: a\naccounts:\n  x: {enabled: yes}", "desk.yaml:3: accounts.x.enabled: Expected `bool`"),
        ("tenant: a\naccounts:\n  x: &a {}\n  y: *a", "desk.yaml:3: accounts.y: aliases are not supported"),
        ("tenant: a\naccounts:\n  x: {enrolmentCode: short}", "accounts.x.enrolmentCode: needs at least 22"),
        (f"tenant: a\naccounts:\n  {'x' * 129}: {{}}", "longer than 128 characters"),
        (f"tenant: a\naccounts:\n  x: {{label: {'y' * 513}}}", "accounts.x.label: longer than 512"),
        ("tenant: a\nhalt: {scope: group}", "desk.yaml:2: halt: expected a list"),
        ("tenant: a\nhalt:\n  - {scope: moon}", "desk.yaml:3: halt[0].scope: Invalid enum value 'moon'"),
        (
            "tenant: a\nsubscriptions:\n  s:\n    group: g\n    follower: f\n    rules:\n      sizing: {mode: much}",
            "desk.yaml:7: subscriptions.s.rules.sizing.mode: Invalid value 'much'; known are",
        ),
        (
            "tenant: a\nsubscriptions:\n  s: {group: g, follower: f, rules: {sizing: {mode: same_volume}, x: 1}}",
            "desk.yaml:3: subscriptions.s.rules: Object contains unknown field `x`",
        ),
        ("tenant: a\ngroups:\n  g: {leaders: [!!binary aGk=]}\nhalt: [.nan]", "halt[0]: "),
        ("tenant: a\nplatform:\n  reverse: true", "desk.yaml:3: platform.reverse: is not a setting here"),
        (
            "tenant: a\nplatform:\n  settings:\n    sizing: {mode: much}",
            "desk.yaml:4: platform.settings.sizing.mode: Invalid value 'much'; known are",
        ),
        (
            "tenant: a\ngroups:\n  g:\n    leaders: [l]\n    settings: {multiplier: -1}",
            "desk.yaml:5: groups.g.settings.multiplier: must be above zero",
        ),
        (
            "tenant: a\nfollowers:\n  f:\n    settings: {reverse: maybe}",
            "desk.yaml:4: followers.f.settings.reverse: Expected `bool`, got `str`",
        ),
        (
            "tenant: a\nplatform:\n  guards:\n    - {name: x, kind: leverage, limit: 3, unit: lots}",
            "desk.yaml:4: platform.guards[0].unit: leverage is measured in multiple, not lots",
        ),
        (
            "tenant: a\nfollowers:\n  f:\n    guards:\n    - {name: x, kind: order_rate, limit: 3}",
            "desk.yaml:5: followers.f.guards[0]: Object missing required field `unit`",
        ),
        (
            CLASHING,
            "desk.yaml:6: followers.f.settings.maxVolume: must not be below minVolume (2)",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_place(text: str, told_as: str) -> None:
    assert any(told_as in line for line in problems(text)), problems(text)


def test_all_mistakes_are_told_at_once_in_the_files_order() -> None:
    text = "tenant: a\naccounts:\n  x: 3\n  y: {label: 4}\ngroups:\n  g: {}\n"
    assert [line.split(":")[1] for line in problems(text)] == ["3", "4", "6"]


def test_two_accounts_with_one_code_are_refused_before_the_counterparty_has_to() -> None:
    text = f"tenant: a\naccounts:\n  x: {{enrolmentCode: {CODE}}}\n  y: {{enrolmentCode: {CODE}}}"
    assert problems(text) == [
        "desk.yaml:4: accounts.y.enrolmentCode: is the code of x too; each account needs its own"
    ]


LAYERED = """\
tenant: acme
platform: {settings: {sizing: {mode: same_volume}, maxDeviation: 0.0005}}
groups:
  majors: {leaders: [leader-1], copiesOfCopies: true, settings: {symbols: {XAUUSD: GOLD}}}
  others: {leaders: [leader-1]}
followers:
  follower-1:
    settings: {maxVolume: 2}
    guards: [{name: day, kind: loss, limit: 5, unit: percent, period: day}]
subscriptions:
  s1: {group: majors, follower: follower-1}
"""


def test_layers_are_published_widest_first_and_before_the_subscriptions() -> None:
    told_commands = published(LAYERED)
    assert [type(command) for command in told_commands] == [
        commands.PublishGroup,
        commands.PublishGroup,
        commands.PublishSettings,
        commands.PublishSettings,
        commands.PublishSettings,
        commands.PublishSubscription,
    ]
    layers = [command for command in told_commands if isinstance(command, commands.PublishSettings)]
    assert [(layer.scope, layer.target) for layer in layers] == [
        ("platform", ""),
        ("group", "majors"),
        ("follower", "follower-1"),
    ]
    assert layers[0].settings == CopySettings(sizing=SameVolume(), max_deviation=Decimal("0.0005"))
    assert [guard.name for guard in layers[2].guards] == ["day"]
    assert told_commands[0].copies_of_copies


def test_a_group_that_sets_nothing_leaves_its_layer_as_it_is() -> None:
    targets = [c.target for c in published(LAYERED) if isinstance(c, commands.PublishSettings)]
    assert "others" not in targets


def test_a_subscription_may_leave_everything_to_other_layers() -> None:
    [subscription] = [c for c in published(LAYERED) if isinstance(c, commands.PublishSubscription)]
    assert subscription.rules == CopySettings()


def test_operations_of_layers_are_told_by_what_they_are_for() -> None:
    lines = [told(operation) for operation in operations_of(read_document(LAYERED, "desk.yaml"), ISSUE)]
    assert "config.publish settings platform" in lines
    assert "config.publish settings majors" in lines
    assert "config.publish settings follower-1" in lines


def test_a_value_that_is_wrong_for_many_is_told_once() -> None:
    text = (
        "tenant: a\nplatform: {settings: {multiplier: 0}}\n"
        "subscriptions:\n  s1: {group: g, follower: f}\n  s2: {group: g, follower: h}\n"
    )
    assert problems(text) == ["desk.yaml:2: platform.settings.multiplier: must be above zero"]
