"""Which build of an app answers, by its own word."""

from stack.deployment.waiting import NotYet, until
from stack.deployment.world import Say, Unreachable, World

POLL_SECONDS = 3.0


def wait_for(world: World, url: str, build: str, *, patience: float, say: Say) -> None:
    """Until it answers 200 with this build. Raises DeploymentFailed with what it answered instead."""
    say(f"Waiting until {url} reports build {build}")

    def look() -> None:
        status, seen = _asked(world, url)
        if (status, seen) != (200, build):
            raise NotYet(f"{url} answers {status} with build {seen}" if status else f"{url} does not answer")

    until(look, what=f"build {build}", patience=patience, every=POLL_SECONDS, timing=world.timing)
    say(f"{url} reports build {build}")


def served(world: World, url: str) -> str | None:
    """The build that answers, whatever its health; None where nobody does."""
    return _asked(world, url)[1]


def _asked(world: World, url: str) -> tuple[int, str | None]:
    """0 and None: no answer."""
    try:
        answer = world.http.ask("GET", url)
    except Unreachable:
        return 0, None
    build = answer.member("build")
    return answer.status, build if isinstance(build, str) else None
