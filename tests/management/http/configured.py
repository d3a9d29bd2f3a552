"""A small shop: a leader, two followers, a group and a subscription, made through the interface itself."""

from typing import Any

from tests.fixtures.wire import Answer
from tests.management.world import TENANT, Managed

SAME: dict[str, Any] = {"sizing": {"mode": "same_volume"}}


async def made(house: Managed, path: str, body: Any, tenant: str = TENANT) -> Answer:
    """A POST that must succeed."""
    answer = await house.call("POST", path, body, tenant=tenant)
    assert answer.status in (200, 201), answer
    return answer


async def account(house: Managed, name: str, tenant: str = TENANT, **fields: Any) -> Answer:
    return await made(house, "/accounts", {"account": name, "label": f"Account {name}"} | fields, tenant)


async def shop(house: Managed, tenant: str = TENANT, prefix: str = "") -> None:
    for name in ("leader", "follower-1", "follower-2"):
        await account(house, prefix + name, tenant)
    group = {"group": f"{prefix}majors", "name": "Majors", "leaders": [f"{prefix}leader"]}
    await made(house, "/copy-groups", group, tenant)
    await made(house, "/subscriptions", subscription("s-1", prefix=prefix), tenant)


def subscription(
    name: str, follower: str = "follower-1", *, rules: Any = None, prefix: str = "", **fields: Any
) -> dict[str, Any]:
    return {
        "subscription": prefix + name,
        "group": f"{prefix}majors",
        "follower": prefix + follower,
        "rules": SAME if rules is None else rules,
    } | fields
