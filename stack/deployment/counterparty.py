"""The counterparty's new version: straight where the plan has no slots, else warmed up beside the old one and swapped
in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stack.deployment.arm import Arm
from stack.deployment.health import served, wait_for
from stack.deployment.references import resolve
from stack.deployment.site import DeploymentSite, Way
from stack.deployment.world import DeploymentFailed, Say, World, archive_of

APP = "counterparty"
HEALTH = "/trade-agent/v1/health"
LIVE = "/trade-agent/v1/health/live"
WEB = "2024-04-01"
SWAP_SECONDS = 900.0


@dataclass(frozen=True)
class Inputs:
    """`warm_up_seconds`: what a new version may take until it is healthy. `slot_…`: of the staging slot."""

    app_id: str
    host: str
    build: str
    warm_up_seconds: float
    slot_id: str | None = None
    slot_host: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Inputs":
        return cls(
            app_id=given["appId"],
            host=given["host"],
            build=given["build"],
            warm_up_seconds=given["warmUpSeconds"],
            slot_id=given.get("slotId"),
            slot_host=given.get("slotHost"),
        )

    @property
    def health(self) -> str:
        return f"https://{self.host}{HEALTH}"


class CounterpartyStep:
    """Puts a build in place, and waits for it."""

    target = "appId"

    def apply(
        self, world: World, given: Mapping[str, Any], before: Mapping[str, Any] | None, say: Say
    ) -> None:
        """`before`: what was deployed last. Raises DeploymentFailed."""
        wanted = Inputs.of(given)
        archive = archive_of(world.packages, APP, wanted.build)
        resolve(world, wanted.app_id, say)
        if wanted.slot_id is None or wanted.slot_host is None:
            DeploymentSite(world, wanted.host, say).publish(archive, Way.APP_SERVICE)
            wait_for(world, wanted.health, wanted.build, patience=wanted.warm_up_seconds, say=say)
            return
        resolve(world, wanted.slot_id, say)
        DeploymentSite(world, wanted.slot_host, say).publish(archive, Way.APP_SERVICE)
        live = f"https://{wanted.slot_host}{LIVE}"
        wait_for(world, live, wanted.build, patience=wanted.warm_up_seconds, say=say)
        self._swap(world, wanted, say, had_one=before is not None)

    def served(self, world: World, given: Mapping[str, Any]) -> str | None:
        return served(world, Inputs.of(given).health)

    def _swap(self, world: World, wanted: Inputs, say: Say, *, had_one: bool) -> None:
        """What does not become healthy in its place is swapped out again: the old version is next door and warm."""
        say("Swapping the staging slot in")
        _swapped(world, wanted.app_id)
        try:
            wait_for(world, wanted.health, wanted.build, patience=wanted.warm_up_seconds, say=say)
        except DeploymentFailed as failure:
            if not had_one:
                raise
            say(f"{failure}. Swapping the old version back")
            _swapped(world, wanted.app_id)
            raise DeploymentFailed(f"{failure}; the old version was swapped back and serves") from None


def _swapped(world: World, app_id: str) -> None:
    body = {"targetSlot": "production", "preserveVnet": True}
    Arm(world).run("POST", f"{app_id}/slots/staging/slotsswap", WEB, body, patience=SWAP_SECONDS)
