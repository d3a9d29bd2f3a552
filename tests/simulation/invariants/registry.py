"""Invariants: each a small class that is told what happens and says when it must not have."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from kopitra.application.fencing import FenceRow
from kopitra.machine.events import Recorded
from kopitra.machine.state import State
from kopitra.simulation.broker.records import Deal
from kopitra_agent.ports.terminal import TradeRequest, TradeResult
from kopitra_agent.ports.transport import Request, Response

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.counterparties import Instance
    from tests.simulation.stage.facts import Facts
    from tests.simulation.stage.world import World


class Invariant:
    """Overrides the hooks that it needs. `times` counts how often it really examined something."""

    name = ""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.times = 0

    @property
    def facts(self) -> "Facts":
        return self.world.watch.facts

    def violated(self, sentence: str) -> None:
        self.world.watch.violated(self.name, sentence)

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        """An event became durable; the facts know it, the shadow does not yet."""

    def serving(self, instance: "Instance", state: State) -> None:
        """An instance begins to serve from this state."""

    def composed(self, instance: "Instance", account: str, request: Request) -> None:
        """The counterparty has made a good answer, which is written at once, or after a standstill."""

    def answered(self, instance: "Instance", account: str, request: Request, response: Response) -> None:
        """The counterparty writes an answer."""

    def delivering(self, instance: "Instance", account: str, answer: dict[str, Any]) -> None:
        """An outbox answer with events is written; what went before is in `facts.delivered`."""

    def requested(self, party: "Party", request: TradeRequest) -> None:
        """An agent sends a request to its broker."""

    def replied(self, party: "Party", request: TradeRequest, result: TradeResult | None) -> None:
        """The answer reaches the agent, or is lost (None)."""

    def dealt(self, party: "Party", deal: Deal) -> None:
        """A line was written in a broker's ledger; the facts know it."""

    def unsettled(self) -> Iterator[str]:
        """What is not yet as it must be when faults have stopped; an empty answer is rest."""
        return iter(())

    def finish(self) -> None:
        """The run is over."""


REGISTRY: dict[str, type[Invariant]] = {}
"""By name, in the order of their definition."""

Kind = TypeVar("Kind", bound=type[Invariant])


def invariant(name: str) -> Callable[[Kind], Kind]:
    """Enter a class under its name."""

    def enter(kind: Kind) -> Kind:
        assert name not in REGISTRY, name
        kind.name = name
        REGISTRY[name] = kind
        return kind

    return enter
