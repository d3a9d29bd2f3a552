"""Operators ask which setting applies and what another would have changed; nothing of it changes anything."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import MarginMode
from kopitra.domain.rules import UnknownPosition
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.telemetry import AccountSnapshot
from kopitra.machine import commands
from kopitra.machine.state_codec import state_hash
from tests.unit.counterparty.house import ISSUER, TENANT, Answer, House, in_house

EFFECTIVE = "/subscriptions/sub-follower-0/effective"
RULES = "/subscriptions/sub-follower-0/preview"
LAYER = "/settings/preview"
SAME: Mapping[str, object] = {"sizing": {"mode": "same_volume"}}


async def ask(
    house: House, method: str, path: str, body: object = None, role: str = "viewer", token: str = ""
) -> Answer:
    headers = {"Authorization": f"Bearer {token or house.operator(role)}"}
    if method == "POST":
        headers["Idempotency-Key"] = "key"
    return await house.call(method, path, msgspec.json.encode(body) if body is not None else None, headers)


async def traded(house: House, followers: int = 1) -> None:
    await house.group(followers)
    ea = await house.ea("leader")
    assert (await ea.signal()).status == 202


def another_operator(house: House, tenant: str) -> str:
    until = int(house.time.now().timestamp()) + 86_400
    return ISSUER.token(roles=["admin"], tenant=tenant, exp=until)


def test_every_setting_is_told_with_its_value_and_its_origin() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        await house.submit(
            commands.PublishSettings(
                scope=SettingsScope.PLATFORM,
                target="",
                tenant=TENANT,
                revision=1,
                settings=CopySettings(open_ttl_seconds=30, symbols={"XAUUSD": "GOLD"}),
            )
        )
        told: Mapping[str, Any] = (await ask(house, "GET", EFFECTIVE)).json
        assert (told["group"], told["follower"], told["enabled"]) == ("group", "follower-0", True)
        assert set(told["settings"]) == set(CopySettings.__struct_encode_fields__)
        assert told["settings"]["openTtlSeconds"] == {"value": 30, "origin": "platform"}
        assert told["settings"]["sizing"] == {"value": {"mode": "same_volume"}, "origin": "subscription"}
        assert told["settings"]["multiplier"] == {"value": "1", "origin": "default"}
        assert told["symbolOrigins"] == {"XAUUSD": "platform"}
        assert told["problems"] == []
        assert told["rulesVersion"] == house.service.core.engine.state.sequence

    in_house(scenario)


def test_what_settings_cannot_do_on_an_account_that_nets_is_told() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        settings = CopySettings(unknown_position=UnknownPosition.ADOPT)
        platform = commands.PublishSettings(
            scope=SettingsScope.PLATFORM, target="", tenant=TENANT, revision=1, settings=settings
        )
        await house.submit(platform)
        assert (await ask(house, "GET", EFFECTIVE)).json["notes"] == []
        snapshot = AccountSnapshot(
            login=1, server="Broker", balance=Decimal(1), currency="USD", mode=MarginMode.NETTING
        )
        await house.submit(commands.TakeFigures(account=AccountId("follower-0"), snapshot=snapshot))
        notes = (await ask(house, "GET", EFFECTIVE)).json["notes"]
        assert [(note["path"], note["code"]) for note in notes] == [
            ("unknownPosition", "net_adopts_nothing"),
            ("onDrift", "net_excess_is_the_owners"),
        ]

    in_house(scenario)


def test_a_subscriptions_preview_tells_counts_and_differences_and_changes_nothing() -> None:
    async def scenario(house: House) -> None:
        await traded(house)
        engine = house.service.core.engine
        before, written = state_hash(engine.state), house.disk.appends
        told = (await ask(house, "POST", RULES, {"rules": {**SAME, "multiplier": "0.5"}})).json
        assert told["subscriptions"] == [
            {
                "subscription": "sub-follower-0",
                "follower": "follower-0",
                "changed": ["multiplier"],
                "openCopies": 1,
                "openCopiesDifferent": 1,
                "events": 1,
                "eventsDifferent": 1,
            }
        ]
        [difference] = told["differences"]
        assert difference["reason"] == "volume 1.00 would be 0.50"
        assert (difference["before"]["volume"], difference["after"]["volume"]) == ("1.00", "0.50")
        assert difference["event"]["leader"] == "leader"
        assert not difference["assumed"]
        assert (told["complete"], told["events"], told["sinceSequence"]) == (True, 1, 1)
        assert (state_hash(engine.state), house.disk.appends) == (before, written)

    in_house(scenario)


def test_a_layers_preview_covers_everybody_whom_it_concerns() -> None:
    async def scenario(house: House) -> None:
        await traded(house, followers=3)
        for scope, target, concerned in (
            ("group", "group", 3),
            ("follower", "follower-1", 1),
            ("platform", "", 3),
        ):
            body = {"scope": scope, "target": target, "settings": {"sides": ["sell"]}}
            told = (await ask(house, "POST", LAYER, body)).json
            assert len(told["subscriptions"]) == concerned
            assert {d["after"]["reason"] for d in told["differences"]} == {"side_filtered"}
            assert len(told["differences"]) == concerned

    in_house(scenario)


def test_what_could_not_be_published_cannot_be_previewed() -> None:
    async def scenario(house: House) -> None:
        await traded(house)
        nothing = await ask(house, "POST", RULES, {"rules": {}})
        assert (nothing.status, nothing.json["code"]) == (422, "rules_invalid")
        assert nothing.json["errors"][0]["path"] == "sizing"
        wrong = {"scope": "group", "target": "group", "settings": {"multiplier": "-1"}}
        negative = await ask(house, "POST", LAYER, wrong)
        assert (negative.status, negative.json["code"]) == (422, "rules_invalid")
        assert "sub-follower-0" in negative.json["errors"][0]["message"]

    in_house(scenario)


@pytest.mark.parametrize(
    "body",
    [
        {"rules": {**SAME, "reverse": "yes"}},
        {"rules": {"sizing": {"mode": "much"}}},
        {"rules": {"sizing": {"mode": "fixed_volume", "volume": "-1"}}},
        {"rules": {**SAME, "multiplier": "1e400"}},
        {"rules": {**SAME, "unknown": 1}},
        {"rules": SAME, "unknown": 1},
        {"rules": SAME, "lastEvents": 1001},
        {"rules": SAME, "lastEvents": -1},
    ],
)
def test_a_body_that_says_what_nobody_knows_is_refused(body: object) -> None:
    async def scenario(house: House) -> None:
        await house.group()
        answer = await ask(house, "POST", RULES, body)
        assert (answer.status, answer.json["code"]) == (422, "validation_failed"), answer

    in_house(scenario)


def test_what_belongs_to_another_tenant_does_not_exist() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        token = another_operator(house, "elsewhere")
        asked: tuple[tuple[str, str, object], ...] = (
            ("GET", EFFECTIVE, None),
            ("POST", RULES, {"rules": SAME}),
            ("POST", LAYER, {"scope": "group", "target": "group", "settings": SAME}),
            ("POST", LAYER, {"scope": "follower", "target": "follower-0", "settings": SAME}),
        )
        for method, path, body in asked:
            assert (await ask(house, method, path, body, token=token)).status == 404
        own = await ask(
            house, "POST", LAYER, {"scope": "platform", "settings": {"reverse": True}}, token=token
        )
        assert (own.status, own.json["subscriptions"]) == (200, [])

    in_house(scenario)


def test_an_operator_of_all_tenants_names_the_platform() -> None:
    async def scenario(house: House) -> None:
        await traded(house)
        token = another_operator(house, "*")
        body: dict[str, object] = {"scope": "platform", "settings": {"reverse": True}}
        assert (await ask(house, "POST", LAYER, body, token=token)).json["code"] == "tenant_missing"
        named = await ask(house, "POST", LAYER, body | {"tenant": str(TENANT)}, token=token)
        assert len(named.json["differences"]) == 1

    in_house(scenario)


def test_after_a_restart_a_preview_says_how_far_it_can_look_back() -> None:
    async def scenario(house: House) -> None:
        await traded(house)
        await house.restart()
        told = (await ask(house, "POST", RULES, {"rules": {**SAME, "multiplier": "0.5"}})).json
        assert (told["events"], told["sinceSequence"]) == (1, 1), "the whole journal was replayed"

    in_house(scenario)


def test_before_a_snapshot_only_open_copies_can_be_previewed() -> None:
    async def scenario(house: House) -> None:
        await traded(house)
        await house.service.stop()
        await house.restart()
        told = (await ask(house, "POST", RULES, {"rules": {**SAME, "multiplier": "0.5"}})).json
        assert (told["events"], told.get("sinceSequence")) == (0, None)
        assert [difference["assumed"] for difference in told["differences"]] == [True]

    in_house(scenario)
