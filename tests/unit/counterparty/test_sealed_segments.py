"""What the counterparty keeps for the audit."""

from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.fixtures.segments import MemorySegments
from tests.unit.counterparty.house import House

HOURS_2 = 7200.0


def test_whoever_serves_the_shard_seals_its_whole_journal() -> None:
    async def main(time: VirtualTime) -> tuple[list[tuple[int, int]], int]:
        segments = MemorySegments(time)
        house = await House(time, segments=segments).serving()
        await house.group()
        written = house.service.core.engine.committed
        await time.sleep(HOURS_2)
        return segments.ranges, written

    [(first, last)], written = run_virtual(1, main)

    assert first == 1
    assert last >= written > 0
