"""The management side's new version on Flex Consumption, which has no slots: it replaces the old one."""

from collections.abc import Mapping
from typing import Any

from stack.deployment.health import served, wait_for
from stack.deployment.site import DeploymentSite, Way
from stack.deployment.world import Say, World, archive_of

APP = "functions"
HEALTH = "/api/admin/health"
PATIENCE_SECONDS = 600.0
"""A first start loads the package from the storage account, by a role that may have been assigned a minute ago."""


class FunctionsStep:
    """Puts a build in place, and waits for it."""

    target = "appId"

    def apply(
        self, world: World, given: Mapping[str, Any], before: Mapping[str, Any] | None, say: Say
    ) -> None:
        """Raises DeploymentFailed."""
        archive = archive_of(world.packages, APP, given["build"])
        DeploymentSite(world, given["host"], say).publish(archive, Way.FLEX)
        wait_for(world, _health(given), given["build"], patience=PATIENCE_SECONDS, say=say)

    def served(self, world: World, given: Mapping[str, Any]) -> str | None:
        return served(world, _health(given))


def _health(given: Mapping[str, Any]) -> str:
    return f"https://{given['host']}{HEALTH}"
