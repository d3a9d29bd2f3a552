"""The load generator's process: `python -m tests.load.generator JOB RESULT`, both files of JSON."""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.load.generator import idle, latency, throughput
from tests.load.jobs import IdleJob, Jobs, LatencyJob


async def measure(job: Jobs) -> Any:
    """Fails as a whole when any connection met an error: a figure of half the load would be worse than none."""
    failed: list[BaseException] = []
    task = asyncio.ensure_future(_measure(job))

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failed.append(context.get("exception") or RuntimeError(context["message"]))
        task.cancel()

    asyncio.get_running_loop().set_exception_handler(note)
    try:
        return await task
    except asyncio.CancelledError:
        raise failed[0] if failed else RuntimeError("cancelled") from None


async def _measure(job: Jobs) -> Any:
    if isinstance(job, LatencyJob):
        return await latency.Latency(job).run()
    if isinstance(job, IdleJob):
        return await idle.measure(job)
    return await throughput.measure(job)


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    job = msgspec.json.decode(source.read_bytes(), type=Jobs)
    gc.freeze()
    gc.disable()  # its own pauses would be counted as the service's
    target.write_bytes(msgspec.json.encode(asyncio.run(measure(job))))


if __name__ == "__main__":
    main()
