"""An app's settings that refer to Key Vault, resolved before the code starts.

An app is made before its identity may read the vault, for the identity is the app's; and a reference that could not be
resolved is tried again only after a day, unless somebody asks. Source: learn.microsoft.com, "Use Key Vault references
as app settings in Azure App Service", read 2026-11.
"""

from typing import Any

from stack.deployment.arm import Arm
from stack.deployment.waiting import NotYet, until
from stack.deployment.world import Say, Unreachable, World

VERSION = "2024-04-01"
RESOLVED = "Resolved"
PATIENCE_SECONDS = 900.0
"""A role that was just assigned holds everywhere within ten minutes."""
POLL_SECONDS = 15.0


def resolve(world: World, app_id: str, say: Say) -> None:
    """Raises DeploymentFailed, which names the references that are not resolved and why."""
    arm, path = Arm(world), f"{app_id}/config/configreferences/appsettings"

    def look() -> None:
        try:
            arm.ask("POST", f"{path}/refresh", VERSION)
            found: list[Any] = arm.ask("GET", path, VERSION).member("value") or []
        except Unreachable as error:
            raise NotYet(str(error)) from None
        told = {str(each["name"]): each.get("properties", {}) for each in found}
        open_ = {name: each.get("details") for name, each in told.items() if each.get("status") != RESOLVED}
        if open_:
            say(f"Waiting until the app may read {', '.join(sorted(open_))} from the vault")
            raise NotYet(str(open_))

    what = "that every setting from the vault is resolved"
    until(look, what=what, patience=PATIENCE_SECONDS, every=POLL_SECONDS, timing=world.timing)
