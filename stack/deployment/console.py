"""The console's content, into its Static Web App. The token that this takes is asked for then and kept nowhere."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from stack.deployment.arm import Arm
from stack.deployment.world import DeploymentFailed, Say, World

CONTENT = "apps/frontend/dist"
WEB = "2024-04-01"
DIGEST_CHARACTERS = 16


def content_of(root: Path) -> str | None:
    """One digest of all files; None where there is nothing to publish."""
    folder = root / CONTENT
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    total = sha256()
    for path in files:
        total.update(
            path.relative_to(folder).as_posix().encode() + b"\0" + sha256(path.read_bytes()).digest()
        )
    return total.hexdigest()[:DIGEST_CHARACTERS] if files else None


class ConsoleStep:
    target = "siteId"

    def apply(
        self, world: World, given: Mapping[str, Any], before: Mapping[str, Any] | None, say: Say
    ) -> None:
        """Raises DeploymentFailed."""
        folder = world.root / CONTENT
        if content_of(world.root) != given["content"]:
            raise DeploymentFailed(f"{CONTENT} is not what was previewed: run `pulumi up` again")
        listed: Any = Arm(world).ask("POST", f"{given['siteId']}/listSecrets", WEB).member("properties")
        if not listed or not listed.get("apiKey"):
            raise DeploymentFailed("Azure gave no token to publish the console with")
        say(f"Publishing {CONTENT}")
        world.publish_content(folder, str(listed["apiKey"]))

    def served(self, world: World, given: Mapping[str, Any]) -> str | None:
        return None
