"""Operators' messages become commands, or are refused by name."""

from typing import Any

import msgspec
import pytest

from kopitra.domain.sizing_modes import SameVolume
from kopitra.machine import commands
from kopitra.machine.events import HaltMode, HaltScope, SessionEnd
from kopitra.protocol.operations import (
    OperationMalformed,
    OperationType,
    parse_operation,
    schemas,
    to_command,
)


def body(command_type: str, parameters: dict[str, Any] | None = None, **changes: Any) -> bytes:
    message: dict[str, Any] = {
        "commandType": command_type,
        "tenant": "acme",
        "revision": 3,
        "issuedAt": "2026-01-05T08:00:00Z",
        "issuedBy": "operator@acme",
        "account": "a1",
        "parameters": parameters or {},
    }
    return msgspec.json.encode(message | changes)


def command(command_type: str, parameters: dict[str, Any] | None = None, **changes: Any) -> Any:
    return to_command(parse_operation(body(command_type, parameters, **changes)))


def test_each_kind_of_configuration_becomes_its_command() -> None:
    account = command("config.publish", {"kind": "account", "requiresApproval": True})
    assert isinstance(account, commands.PublishAccount)
    assert (account.account, account.tenant, account.revision, account.requires_approval) == (
        "a1",
        "acme",
        3,
        True,
    )
    group = command("config.publish", {"kind": "group", "group": "g", "leaders": ["a1"]}, account=None)
    assert isinstance(group, commands.PublishGroup)
    subscription = command(
        "config.publish",
        {
            "kind": "subscription",
            "subscription": "s",
            "group": "g",
            "follower": "a2",
            "rules": {"sizing": {"mode": "same_volume"}, "maxVolume": 5},
        },
    )
    assert isinstance(subscription, commands.PublishSubscription)
    assert subscription.rules.sizing == SameVolume()


def test_session_commands_carry_subject_and_revision() -> None:
    approve = command("session.approve", {"sessionId": "s1"})
    assert isinstance(approve, commands.ApproveSession)
    assert (approve.session, approve.subject, approve.revision) == ("s1", "operator@acme", 3)
    for command_type, reason in (
        ("session.reject", SessionEnd.REJECTED),
        ("session.forceRelease", SessionEnd.FORCED),
    ):
        end = command(command_type)
        assert isinstance(end, commands.EndSession)
        assert (end.reason, end.session) == (reason, None)


def test_a_decision_about_a_correction_carries_who_decides_and_for_which_tenant() -> None:
    decide = command("reconciliation.decide", {"proposal": "x-1", "approve": True})
    assert isinstance(decide, commands.DecideProposal)
    assert (decide.account, decide.proposal, decide.approve) == ("a1", "x-1", True)
    assert (decide.subject, decide.tenant) == ("operator@acme", "acme")


@pytest.mark.parametrize(
    "parameters", [{}, {"proposal": "x-1"}, {"proposal": "x-1", "approve": True, "why": "?"}]
)
def test_a_decision_says_all_of_it_and_nothing_else(parameters: dict[str, Any]) -> None:
    with pytest.raises(OperationMalformed):
        command("reconciliation.decide", parameters)


def test_every_operation_has_a_schema_for_its_envelope_and_parameters() -> None:
    shown = schemas()
    assert set(shown) == set(OperationType)
    decide = shown["reconciliation.decide"]
    assert set(decide["required"]) == {"proposal", "approve"}
    assert decide["additionalProperties"] is False


def test_halts_stay_within_the_tenant_that_asks() -> None:
    halt = command("trading.halt", {"scope": "platform", "mode": "flatten", "reason": "news"})
    assert isinstance(halt, commands.Halt)
    assert (halt.scope, halt.mode, halt.tenant, halt.revision) == (
        HaltScope.PLATFORM,
        HaltMode.FLATTEN,
        "acme",
        3,
    )
    resume = command("trading.resume", {"scope": "follower", "target": "a2"})
    assert isinstance(resume, commands.Resume)
    checkpoint = command("consumer.checkpoint", {"consumer": "sql", "sequence": 9})
    assert checkpoint == commands.Checkpoint(consumer="sql", sequence=9)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        body("no.such"),
        body("config.publish", {"kind": "account", "unknownSetting": 1}),
        body("config.publish", {"kind": "nothing"}),
        body("config.publish", {"kind": "account"}, account=None),
        body("config.publish", {"kind": "subscription", "subscription": "s"}),
        body("session.approve", account=None),
        body("trading.halt", {"scope": "galaxy"}),
        body("consumer.checkpoint", {"consumer": "sql", "sequence": "many"}),
        body("ea.resync", revision=0),
        body("ea.resync", issuedBy=" "),
        body("ea.resync", issuedAt="2026-01-05T08:00:00"),
    ],
)
def test_anything_else_is_malformed_with_a_reason(wrong: bytes) -> None:
    with pytest.raises(OperationMalformed, match=r"\S"):
        to_command(parse_operation(wrong))
