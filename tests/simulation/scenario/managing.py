"""How operators' moves reach the management plane of whoever serves: in its own process, as a request would."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from kopitra.application.management import Asking, ManagementPlane
from kopitra.application.submission import Unavailable
from kopitra.machine.outcome import Refusal

if TYPE_CHECKING:
    from tests.simulation.stage.counterparties import Instance
    from tests.simulation.stage.world import World

OPERATOR = Asking(subject="operator", tenant=None)
EXPECTED = frozenset({404, 409})
"""What is gone, halted, or not to be had now."""
Ask = Callable[[ManagementPlane], Awaitable[Any]]


async def managed(world: "World", ask: Ask) -> Any:
    """The answer; None where nobody serves, where the writer ends meanwhile, or where it was refused as it may be."""
    writer = world.counterparties.writer
    if writer is None or writer.process.frozen:
        return None
    task = writer.process.spawn(_asked(ask, plane_of(writer)))
    await asyncio.wait({task})
    if task.cancelled() or task.exception() is not None:
        return None
    answer = task.result()
    world.note("operator hears", answer)
    if isinstance(answer, Refusal):
        if answer.status not in EXPECTED:
            world.watch.violated("no_part_fails", f"an operator is refused: {answer}")
        return None
    return answer


def plane_of(writer: "Instance") -> ManagementPlane:
    core, ports = writer.service.core, writer.service.ports
    return ManagementPlane(
        engine=core.engine, journal=ports.journal, clock=ports.clock, decode=core.machine.decode_event
    )


async def _asked(ask: Ask, plane: ManagementPlane) -> Any:
    try:
        return await ask(plane)
    except Unavailable:
        return None
