"""An app's deployment site (Kudu): takes a package as a zip archive and says what became of it.

Source: learn.microsoft.com, "Deploy files to Azure App Service", "Kudu publish API reference", read 2026-11.
"""

from enum import StrEnum
from pathlib import Path

from stack.deployment.arm import SCOPE, TRANSIENT
from stack.deployment.waiting import NotYet, until
from stack.deployment.world import Answer, DeploymentFailed, Say, Unreachable, World

SUCCEEDED = 4
FAILED = frozenset({-1, 3, 5, 6})
"""Failed, cancelled, and succeeded in part; 0 to 2 are under way."""
POLL_SECONDS = 5.0
TAKEN_SECONDS = 300.0
"""While another deployment runs, or the site is being restarted for new settings, nothing is taken."""
DONE_SECONDS = 900.0
REFUSED = frozenset({401, 403})
PASSING = TRANSIENT | {404, 409}


class Way(StrEnum):
    """`restart` and `clean`: the new files replace the old ones while the app does not run. What is asynchronous is not
    cut off after 230 s."""

    APP_SERVICE = "type=zip&clean=true&restart=true&async=true"
    FLEX = "RemoteBuild=false&Deployer=kopitra"


def scm_host(host: str) -> str:
    """The deployment site of an app, by the host name that Azure gave it (not a domain of one's own)."""
    first, _, rest = host.partition(".")
    return f"{first}.scm.{rest}"


class DeploymentSite:
    """Of the app with that host name."""

    def __init__(self, world: World, host: str, say: Say) -> None:
        self._world = world
        self._root = f"https://{scm_host(host)}"
        self._say = say

    def publish(self, archive: Path, way: Way) -> None:
        """Raises DeploymentFailed."""
        megabytes = archive.stat().st_size / 1e6
        self._say(f"Sending {megabytes:.1f} MB to {self._root}")
        timing = self._world.timing
        place = until(
            lambda: self._send(archive, way),
            what=f"that {self._root} takes the package",
            patience=TAKEN_SECONDS,
            every=POLL_SECONDS,
            timing=timing,
        )
        self._say("Sent; Azure is unpacking it")
        until(
            lambda: self._look(place),
            what=f"that {self._root} has unpacked the package",
            patience=DONE_SECONDS,
            every=POLL_SECONDS,
            timing=timing,
        )

    def _send(self, archive: Path, way: Way) -> str:
        """Where it is told what became of it."""
        answer = self._ask("POST", f"{self._root}/api/publish?{way}", archive)
        if answer.status in REFUSED:
            raise DeploymentFailed(
                f"{self._root} refuses the package ({answer.status}): the deployer's identity needs the role Website"
                " Contributor on the app"
            )
        if answer.status in PASSING:
            raise NotYet(f"it says {answer.status}")
        if answer.status not in (200, 202):
            raise DeploymentFailed(f"{self._root} refuses the package: {answer.status} {answer.body}")
        if location := answer.headers.get("location"):
            return location
        name = answer.body if isinstance(answer.body, str) and answer.body else "latest"
        return f"{self._root}/api/deployments/{name}"

    def _look(self, place: str) -> None:
        answer = self._ask("GET", place)
        if answer.status in PASSING:
            raise NotYet(f"it says {answer.status}")
        status = answer.member("status")
        if answer.status in REFUSED or status in FAILED:
            words = answer.member("status_text") or answer.member("message") or ""
            raise DeploymentFailed(
                f"the package was not deployed ({answer.status}, {status}): {words} See {place}/log"
            )
        if status != SUCCEEDED:
            raise NotYet(f"its status is {status}")

    def _ask(self, method: str, url: str, file: Path | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._world.token(SCOPE)}"}
        if file is not None:
            headers["Content-Type"] = "application/zip"
        try:
            return self._world.http.ask(method, url, headers=headers, file=file)
        except Unreachable as error:
            raise NotYet(str(error)) from None
