"""The deployer's address in the SQL server's firewall: let in for as long as the work takes, and never longer."""

import re
from ipaddress import AddressValueError, IPv4Address
from types import TracebackType

from stack.deployment.arm import Arm
from stack.deployment.waiting import NotYet, until
from stack.deployment.world import DeploymentFailed, Say, Unreachable, World

VERSION = "2023-08-01"
RULE = "pulumi-up"
"""One name: what a killed deployment left open is closed by the next."""
BLOCKED = re.compile(r"Client with IP address '([0-9.]+)' is not allowed to access the server")
"""The server's own sentence (error 40615); so nobody else has to be asked for one's address."""
CLOSE_SECONDS = 120.0
CLOSE_EVERY = 10.0


def refused_address(sentence: str) -> str | None:
    """The address that the server does not let in; None where it refuses for something else."""
    found = BLOCKED.search(sentence)
    try:
        return str(IPv4Address(found[1])) if found is not None else None
    except AddressValueError:
        return None


class Opening:
    """`with Opening(…) as opening:` closes at the end, however it ends. Raises DeploymentFailed where that fails."""

    def __init__(self, world: World, server_id: str, say: Say) -> None:
        self._world = world
        self._path = f"{server_id}/firewallRules/{RULE}"
        self._say = say

    def __enter__(self) -> "Opening":
        return self

    def let_in(self, address: str) -> None:
        self._say(f"Opening the database's firewall for {address}")
        body = {"properties": {"startIpAddress": address, "endIpAddress": address}}
        Arm(self._world).ask("PUT", self._path, VERSION, body)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Also when nothing was opened this time: an earlier deployment may have been killed."""

        def close() -> None:
            try:
                Arm(self._world).ask("DELETE", self._path, VERSION)
            except (Unreachable, DeploymentFailed) as failure:
                raise NotYet(str(failure)) from None

        try:
            until(
                close,
                what="that the firewall is closed",
                patience=CLOSE_SECONDS,
                every=CLOSE_EVERY,
                timing=self._world.timing,
            )
        except DeploymentFailed as failure:
            raise DeploymentFailed(f"{failure}. Delete the rule {RULE} of the SQL server by hand") from error
        self._say("The database's firewall is closed for the deployer")
