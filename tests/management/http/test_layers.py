"""Layers of settings and guards, checked as the counterparty would check them."""

from typing import Any

import pytest

from tests.management.http.configured import shop
from tests.management.world import Managed


async def test_layers_of_settings_are_replaced_whole_from_an_empty_one_at_version_zero(house: Managed):
    await shop(house)
    guard = {"name": "day", "kind": "loss", "limit": "5", "unit": "percent", "period": "day"}
    for path, body in (
        ("/settings/platform", {"settings": {"openTtlSeconds": 30}}),
        ("/settings/groups/majors", {"settings": {"reverse": True}}),
        ("/settings/followers/follower-1", {"settings": {"maxVolume": "2"}, "guards": [guard]}),
    ):
        empty = await house.call("GET", path)
        assert (empty.status, empty.headers["etag"], empty.json["settings"]) == (200, '"0"', {})
        put = await house.call("PUT", path, body, version=0)
        assert (put.status, put.json["version"]) == (200, 1), put
        assert (await house.call("PUT", path, body, version=0)).status == 412
        read = await house.call("GET", path)
        assert read.json["settings"] == body["settings"]
    assert read.json["guards"] == [guard]
    assert len((await house.call("GET", "/settings")).json["items"]) == 3
    assert [each["parameters"]["scope"] for each in (await house.published())[-3:]] == [
        "platform",
        "group",
        "follower",
    ]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/settings/platform", {"settings": {"multiplier": "-1"}}, "multiplier"),
        ("/settings/groups/majors", {"settings": {"maxVolume": "1", "minVolume": "2"}}, "maxVolume"),
        (
            "/settings/followers/follower-1",
            {"guards": [{"name": "g", "kind": "loss", "limit": "5", "unit": "lots", "period": "day"}]},
            "guards[0].unit",
        ),
        ("/settings/platform", {"guards": [{"name": "g"}]}, "$.guards[0]"),
    ],
)
async def test_a_layer_that_a_subscription_could_not_use_is_refused(
    house: Managed, path: str, body: Any, place: str
):
    await shop(house)
    answer = await house.call("PUT", path, body, version=0)
    assert answer.status == 422, answer
    assert answer.json["errors"][0]["path"] == place, answer
