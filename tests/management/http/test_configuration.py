"""Accounts, groups, subscriptions and settings are edited, checked as the counterparty would, and published."""

from typing import Any

import pytest

from kopitra.protocol.operations import parse_operation, to_command
from tests.management.http.configured import SAME, account, made, shop, subscription
from tests.management.world import OTHER, Managed


async def test_every_change_is_published_in_order_as_a_command_that_is_understood(house: Managed):
    await shop(house)
    received = await house.world.queues.commands.receive(100)
    commands = [type(to_command(parse_operation(each.message.body))).__name__ for each in received]
    assert commands == ["PublishAccount"] * 3 + ["PublishGroup", "PublishSubscription"]
    assert await house.pending() == 0
    assert all(each.message.correlation_id for each in received)


async def test_a_revision_is_the_time_and_always_grows(house: Managed):
    await account(house, "a")
    milliseconds = int(house.clock.now().timestamp() * 1000)
    for label in ("b", "c"):
        version = (await house.call("GET", "/accounts/a")).json["version"]
        answer = await house.call("PUT", "/accounts/a", {"label": label}, version=version)
        assert answer.status == 200
    revisions = [each["revision"] for each in await house.published()]
    assert revisions == [milliseconds, milliseconds + 1, milliseconds + 2]
    house.clock.advance(10)
    await made(house, "/accounts/a/disable", None)
    assert (await house.published())[-1]["revision"] == milliseconds + 10_000


async def test_an_account_is_switched_off_and_on_once(house: Managed):
    await account(house, "a")
    for action, enabled, version in (
        ("disable", False, 2),
        ("disable", False, 2),
        ("enable", True, 3),
    ):
        answer = await made(house, f"/accounts/a/{action}", None)
        assert (answer.json["enabled"], answer.json["version"]) == (enabled, version)
    published = [each["parameters"].get("enabled", True) for each in await house.published()]
    assert published == [True, False, True]


async def test_accounts_are_found_by_broker_login_label_and_state(house: Managed):
    await made(house, "/brokers", {"broker": "b1", "name": "First"})
    await account(house, "a", broker="b1", login=7, label="Alpha one")
    await account(house, "b", label="Alpha two")
    await account(house, "c", label="Beta")
    await made(house, "/accounts/c/disable", None)
    for query, expected in (
        ("broker=b1", ["a"]),
        ("login=7", ["a"]),
        ("label=Alpha", ["a", "b"]),
        ("label=alpha", []),
        ("enabled=false", ["c"]),
        ("enabled=true", ["a", "b"]),
        ("label=Alpha&enabled=true&limit=1", ["a"]),
    ):
        answer = await house.call("GET", f"/accounts?{query}")
        assert [item["account"] for item in answer.json["items"]] == expected, query


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/accounts", {"account": "x", "label": "x", "broker": "none"}, "$.broker"),
        ("/copy-groups", {"group": "g", "name": "g", "leaders": ["nobody"]}, "$.leaders"),
        ("/copy-groups", {"group": "g", "name": "g", "leaders": []}, "$.leaders"),
        ("/copy-groups", {"group": "g", "name": "g", "leaders": ["leader", "leader"]}, "$.leaders"),
        ("/subscriptions", subscription("s-2", "nobody"), "$.follower"),
        ("/subscriptions", subscription("s-2") | {"group": "none"}, "$.group"),
        ("/subscriptions", subscription("s-2", strategy="none"), "$.strategy"),
        ("/strategies", {"strategy": "t", "name": "t", "leader": "nobody"}, "$.leader"),
    ],
)
async def test_what_is_referred_to_must_exist(house: Managed, path: str, body: Any, place: str):
    await shop(house)
    before = await house.rows()
    answer = await house.call("POST", path, body)
    assert answer.status == 422, answer
    assert answer.json["errors"][0]["path"] == place
    assert await house.rows() == before


@pytest.mark.parametrize(
    ("rules", "status", "code", "place"),
    [
        ({"sizing": {"mode": "much"}}, 422, "validation_failed", "$.rules.sizing.mode"),
        ({"sizing": {"mode": "fixed_volume", "volume": "0"}}, 422, "rules_invalid", "sizing.volume"),
        ({**SAME, "multiplier": "-1"}, 422, "rules_invalid", "multiplier"),
        ({**SAME, "reverse": "yes"}, 422, "validation_failed", "$.rules.reverse"),
        ({**SAME, "nonsense": 1}, 422, "validation_failed", "$.rules"),
        ({}, 422, "rules_invalid", "sizing"),
        ({"sizing": {"mode": "expression", "expression": "1 +"}}, 422, "rules_invalid", "sizing.expression"),
    ],
)
async def test_a_wrong_setting_is_refused_with_its_place_and_changes_nothing(
    house: Managed, rules: Any, status: int, code: str, place: str
):
    await shop(house)
    before, published = await house.rows(), len(await house.published())
    created = await house.call("POST", "/subscriptions", subscription("s-2", rules=rules))
    edited = await house.call("PUT", "/subscriptions/s-1", {"rules": rules}, version=1)
    for answer in (created, edited):
        assert (answer.status, answer.json["code"]) == (status, code), answer
        assert answer.json["errors"][0]["path"] == place
    assert (await house.rows(), len(await house.published())) == (before, published)


async def test_who_copies_whom_is_judged_as_the_counterparty_would(house: Managed):
    await shop(house)
    itself = await house.call("POST", "/subscriptions", subscription("s-2", "leader"))
    assert (itself.status, itself.json["code"]) == (422, "follows_itself")
    back = {"group": "back", "name": "Back", "leaders": ["follower-1"]}
    await made(house, "/copy-groups", back)
    circle = await house.call("POST", "/subscriptions", subscription("s-3", "leader") | {"group": "back"})
    assert (circle.status, circle.json["code"]) == (422, "copy_circle")
    disabled = subscription("s-3", "leader", enabled=False) | {"group": "back"}
    assert (await house.call("POST", "/subscriptions", disabled)).status == 201


async def test_two_operators_edit_one_subscription_and_one_is_told_so(house: Managed):
    await shop(house)
    first = await house.call("PUT", "/subscriptions/s-1", {"rules": SAME | {"multiplier": "2"}}, version=1)
    second = await house.call(
        "PUT", "/subscriptions/s-1", {"rules": SAME, "enabled": False}, version=1, tenant="acme"
    )
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    assert (second.status, second.json["code"]) == (412, "version_changed")
    assert (await house.call("GET", "/subscriptions/s-1")).json["rules"]["multiplier"] == "2"


async def test_every_version_of_a_subscription_is_kept(house: Managed):
    await shop(house)
    for version in (1, 2, 3):
        rules = SAME | {"multiplier": str(version)}
        answer = await house.call("PUT", "/subscriptions/s-1", {"rules": rules}, version=version)
        assert answer.status == 200
    page = await house.call("GET", "/subscriptions/s-1/versions?limit=3")
    assert [item["version"] for item in page.json["items"]] == [4, 3, 2]
    assert page.json["items"][0]["rules"]["multiplier"] == "3"
    assert page.json["items"][0]["changedBy"] == "olga"
    rest = await house.call("GET", f"/subscriptions/s-1/versions?cursor={page.json['cursor']}")
    assert ([item["version"] for item in rest.json["items"]], rest.json["more"]) == ([1], False)


async def test_subscriptions_and_groups_are_found_by_who_takes_part(house: Managed):
    await shop(house)
    await made(house, "/subscriptions", subscription("s-2", "follower-2", enabled=False))
    for query, expected in (
        ("group=majors", ["s-1", "s-2"]),
        ("follower=follower-2", ["s-2"]),
        ("enabled=true", ["s-1"]),
        ("group=none", []),
    ):
        answer = await house.call("GET", f"/subscriptions?{query}")
        assert [item["subscription"] for item in answer.json["items"]] == expected, query
    for query, expected in (
        ("leader=leader", ["majors"]),
        ("leader=follower-1", []),
        ("limit=1", ["majors"]),
    ):
        answer = await house.call("GET", f"/copy-groups?{query}")
        assert [item["group"] for item in answer.json["items"]] == expected, query


async def test_a_group_is_edited_with_its_leaders(house: Managed):
    await shop(house)
    body = {"name": "Majors", "leaders": ["follower-2", "leader"], "copiesOfCopies": True}
    answer = await house.call("PUT", "/copy-groups/majors", body, version=1)
    assert (answer.status, answer.json["leaders"]) == (200, ["follower-2", "leader"]), answer
    last = (await house.published())[-1]["parameters"]
    assert (last["leaders"], last["copiesOfCopies"]) == (["follower-2", "leader"], True)


async def test_a_strategy_is_the_rules_of_a_subscription_that_names_it_and_gives_none(house: Managed):
    await shop(house)
    strategy = {"strategy": "calm", "name": "Calm", "settings": SAME | {"multiplier": "0.5"}}
    await made(house, "/strategies", strategy)
    answer = await made(house, "/subscriptions", subscription("s-2", "follower-2", rules={}, strategy="calm"))
    assert answer.json["rules"]["multiplier"] == "0.5"
    used = await house.call("DELETE", "/strategies/calm", version=1)
    assert (used.status, used.json["code"]) == (409, "in_use")
    edited = await house.call("PUT", "/strategies/calm", {"name": "Calmer", "settings": SAME}, version=1)
    assert edited.status == 200
    wrong = {"name": "Calmer", "settings": {"multiplier": "0"}}
    refused = await house.call("PUT", "/strategies/calm", wrong, version=2)
    assert (refused.status, refused.json["errors"][0]["path"]) == (422, "$.settings.multiplier")


async def test_an_entitlement_limits_what_an_account_may_be_used_for(house: Managed):
    await shop(house)
    path = "/accounts/follower-2/entitlements/lead"
    granted = await house.call("PUT", path, {"limits": {"followers": 10}}, version=0)
    assert (granted.status, granted.json["version"]) == (200, 1)
    follow = subscription("s-2", "follower-2")
    refused = await house.call("POST", "/subscriptions", follow)
    assert (refused.status, refused.json["code"]) == (409, "not_possible")
    until = {"validUntil": "2026-02-01T00:00:00.000Z"}
    await house.call("PUT", "/accounts/follower-2/entitlements/follow", until, version=0)
    assert (await house.call("POST", "/subscriptions", follow)).status == 201
    house.clock.advance(60 * 86_400)
    ended = await house.call("PUT", "/subscriptions/s-2", {"rules": SAME}, version=1)
    assert ended.status == 409
    listed = await house.call("GET", "/entitlements?account=follower-2")
    assert [item["capability"] for item in listed.json["items"]] == ["follow", "lead"]
    assert (await house.call("DELETE", path, version=1)).status == 204


async def test_what_is_published_too_large_for_a_message_is_refused(house: Managed):
    await shop(house)
    symbols = {f"SYMBOL{number:05}" + "X" * 40: "Y" * 50 for number in range(1000)}
    answer = await house.call("PUT", "/subscriptions/s-1", {"rules": SAME | {"symbols": symbols}}, version=1)
    assert (answer.status, answer.json["code"]) == (422, "settings_too_large")


async def test_previews_are_the_counterpartys_asked_as_the_operator(house: Managed):
    house.counterparty.answer("GET", "/subscriptions/s-1/effective", 200, {"subscription": "s-1"})
    token = house.operator("viewer")
    effective = await house.call("GET", "/subscriptions/s-1/effective", token=token)
    assert effective.json == {"subscription": "s-1"}
    async with house.sql_locked():
        previewed = await house.call(
            "POST", "/subscriptions/s%2D1/preview", {"rules": SAME}, token=token, key="k"
        )
        layered = await house.call(
            "POST", "/settings/preview", {"scope": "group", "settings": {}}, token=token
        )
    assert (previewed.status, layered.status) == (200, 200)
    first, second, _ = house.counterparty.asked
    assert (first.token, second.token, second.idempotency_key) == (token, token, "k")
    assert second.json == {"rules": SAME}
    house.counterparty.reachable = False
    away = await house.call("GET", "/subscriptions/s-1/effective")
    assert (away.status, away.json["code"]) == (503, "counterparty_unreachable")
    assert away.headers["retry-after"] == "2"


async def test_another_tenant_can_refer_to_nothing_here(house: Managed):
    await shop(house)
    await account(house, "theirs", OTHER)
    group = {"group": "g", "name": "g", "leaders": ["leader"]}
    assert (await house.call("POST", "/copy-groups", group, tenant=OTHER)).status == 422
    follow = subscription("s-9", "theirs")
    assert (await house.call("POST", "/subscriptions", follow, tenant=OTHER)).status == 422
    assert (await house.call("POST", "/subscriptions", follow)).status == 422
    taken = await house.call("POST", "/accounts", {"account": "leader", "label": "x"}, tenant=OTHER)
    assert taken.status == 409
