"""Azure Resource Manager, for what is done with a resource and is none: a swap, an opening of a firewall."""

from urllib.parse import quote

from stack.deployment.waiting import NotYet, until
from stack.deployment.world import Answer, DeploymentFailed, Unreachable, World

MANAGEMENT = "https://management.azure.com"
SCOPE = f"{MANAGEMENT}/.default"
POLL_SECONDS = 5.0
DONE = frozenset({200, 201, 204})
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


class Arm:
    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, method: str, path: str, version: str, body: object = None) -> Answer:
        """Raises DeploymentFailed, with Azure's own words, for what Azure refuses; Unreachable."""
        answer = self._send(method, f"{MANAGEMENT}{quote(path)}?api-version={version}", body)
        if answer.status not in DONE | {202, 404}:
            raise DeploymentFailed(f"Azure refused {method} {path}: {answer.status} {said(answer)}")
        return answer

    def run(self, method: str, path: str, version: str, body: object = None, *, patience: float) -> None:
        """The same, until what it began has ended."""
        answer = self.ask(method, path, version, body)
        place = answer.headers.get("location")
        if answer.status == 404:
            raise DeploymentFailed(f"Azure knows no {path}")
        if answer.status != 202 or place is None:
            return

        def ended() -> None:
            try:
                seen = self._send("GET", place)
            except Unreachable as error:
                raise NotYet(str(error)) from None
            if seen.status == 202 or seen.status in TRANSIENT:
                raise NotYet(f"Azure says {seen.status}")
            if seen.status not in DONE:
                raise DeploymentFailed(f"{method} {path} failed: {seen.status} {said(seen)}")

        timing = self._world.timing
        until(ended, what=f"{method} {path}", patience=patience, every=POLL_SECONDS, timing=timing)

    def _send(self, method: str, url: str, body: object = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._world.token(SCOPE)}"}
        return self._world.http.ask(method, url, headers=headers, json=body)


def said(answer: Answer) -> str:
    """Azure's sentence about an error."""
    error = answer.member("error")
    return str(error.get("message", error)) if isinstance(error, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
