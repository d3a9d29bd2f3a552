"""Defects of a journal's adapter."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from typing import Any

from kopitra.application.commit_encoding import encode_commit
from kopitra.simulation.journal import Tail
from tests.simulation.planted.registry import Layer, Patches, planted

J = "kopitra.simulation.journal"


@planted(Layer.JOURNAL)
def answered_before_durable(patches: Patches) -> None:
    """An append is answered as soon as it was sent; what a crash then loses had been acknowledged."""

    def early(original: Any) -> Any:
        async def append(self: Any, fence: Any, frames: Any) -> Any:
            import asyncio  # noqa: PLC0415

            from kopitra.application.ports.journal import Fence  # noqa: PLC0415

            work = asyncio.get_running_loop().create_task(original(self, fence, frames))
            work.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.sleep(0)
            return Fence(
                epoch=fence.epoch, owner=fence.owner, lease_until=fence.lease_until, sequence=frames[-1].last
            )

        return append

    patches.replace(f"{J}:SimulatedJournal.append", early)


@planted(Layer.JOURNAL)
def torn_tail_believed(patches: Patches) -> None:
    """The whole frames of a commit that was cut off are read as if it had been written."""

    def crash(original: Any) -> Any:
        def crashed(self: Any, tail: Tail) -> bool:
            on_the_way = self._on_the_way
            known = original(self, tail)
            if known and on_the_way is not None and tail is Tail.CUT and len(on_the_way[1]) > 1:
                frames = on_the_way[1][:1]
                disk = self._disk
                watcher, disk.watcher = disk.watcher, None
                disk.write(frames, encode_commit(frames), self._clock.now())
                disk.watcher = watcher
            return known

        return crashed

    patches.replace(f"{J}:SimulatedJournal.crash", crash)


@planted(Layer.JOURNAL)
def fence_not_checked(patches: Patches) -> None:
    """Whoever appends is taken for the writer."""
    patches.replace(f"{J}:check_writer", lambda original: lambda row, fence: None)
    patches.replace(f"{J}:check_holder", lambda original: lambda row, fence: None)


@planted(Layer.JOURNAL)
def last_commit_not_read(patches: Patches) -> None:
    """A start reads the journal up to the commit before the last."""

    def short(original: Any) -> Any:
        async def read(self: Any, after: int = 0) -> Any:
            commits = [commit async for commit in original(self, after)]
            for commit in commits[:-1] if after == 0 else commits:
                yield commit

        return read

    patches.replace(f"{J}:SimulatedJournal.read", short)


@planted(Layer.JOURNAL)
def sequences_with_a_hole(patches: Patches) -> None:
    """Every tenth frame takes one sequence more than it says."""

    def holed(original: Any) -> Any:
        def stamp(happened: Any, last: int, context: Any) -> Any:
            return original(happened, last + (1 if last % 10 == 0 and last else 0), context)

        return stamp

    patches.replace("kopitra.application.engine:stamp", holed)
