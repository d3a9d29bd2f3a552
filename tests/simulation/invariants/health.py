"""No part fails in a way that it did not expect."""

from typing import TYPE_CHECKING

from kopitra_agent.ports.transport import Request, Response
from tests.simulation.invariants.registry import Invariant, invariant

if TYPE_CHECKING:
    from tests.simulation.stage.counterparties import Instance

SERVER_ERROR = 500


@invariant("no_part_fails")
class NoPartFails(Invariant):
    """No task dies of an error, no command or event meets a defect, no answer is a 500."""

    def answered(self, instance: "Instance", account: str, request: Request, response: Response) -> None:
        self.times += 1
        if response.status == SERVER_ERROR:
            self.violated(f"{account}'s {request.method} {request.path} is answered {response.body!r}")
