"""Run coroutines under virtual time: when nothing is ready, the clock jumps to the next timer.

One seed and one program give one execution, event for event. The loop takes the places where asyncio is not
deterministic away: no sockets, no threads, and tasks and futures hash by their order of creation, so that the sets
asyncio keeps them in iterate the same way every time. Sets of strings remain the program's own affair
(PYTHONHASHSEED).
"""

# A turn of the loop is asyncio's own, so it works with asyncio's own fields.
# ruff: noqa: SLF001

import asyncio
import contextvars
import selectors
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count
from typing import Any, Never, TypeVar, cast

from kopitra.simulation.draws import SeededDraws

T = TypeVar("T")

START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday, midnight: weekly market hours begin where one expects them."""
MICROSECONDS = 1_000_000
MICROSECONDS_PER_MILLISECOND = 1000
MILLISECOND = timedelta(milliseconds=1)
LONGEST_RUN_SECONDS = 400 * 86_400.0
"""Virtual. A loop that re-arms timers for ever ends with an error after a year and a bit, not with a hung test."""
ID_BYTES = 16


class VirtualTimeStuck(Exception):
    """Nothing is ready and no timer is set: every task waits for something that cannot happen any more."""


class RealWorldRefused(Exception):
    """Sockets, pipes, threads and executors do not exist under virtual time."""


class _Timeline:
    def __init__(self) -> None:
        self.seconds = 0.0


class _BlindSelector(selectors.SelectSelector):
    """Knows the loop's own wake-up pipe and nothing else; nobody ever asks it."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if self.get_map():  # the first registration is the loop's own wake-up pipe
            raise RealWorldRefused("real input and output under virtual time")
        return super().register(fileobj, events, data)


class _OrderedFuture(asyncio.Future[Any]):
    """A future that hashes by its order of creation."""

    def __init__(self, *, loop: "_VirtualLoop") -> None:
        self._order = loop.next_order()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._order


class _OrderedTask(asyncio.Task[Any]):
    """A task that hashes by its order of creation."""

    def __init__(self, coro: Any, *, loop: "_VirtualLoop", **options: Any) -> None:
        self._order = loop.next_order()
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._order


def _ordered_task(
    loop: Any, coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **options: Any
) -> asyncio.Task[Any]:
    if "name" not in options:
        options["name"] = f"task-{loop.next_order()}"
    return _OrderedTask(coro, loop=loop, **options)


class _Handle:
    """As asyncio's own, but there is no debug mode and no source to remember: a simulation makes tens of thousands."""

    __slots__ = ("args", "callback", "context", "dropped")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.dropped = False

    def __lt__(self, other: object) -> bool:
        """Of two timers for one instant neither comes first."""
        return False

    def cancel(self) -> None:
        self.dropped = True
        self.callback, self.args = _wake, ()  # whatever they hold may go

    def cancelled(self) -> bool:
        return self.dropped


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, timeline: _Timeline) -> None:
        self._timeline = timeline
        self.next_order = count(1).__next__
        self._handles: deque[_Handle] = deque()
        self._timers: list[tuple[float, _Handle]] = []
        super().__init__(_BlindSelector())
        self.set_task_factory(_ordered_task)

    def _run_once(self) -> None:
        """One turn: what is due, then all that is ready. As asyncio's own, but it never looks for input, which cannot
        come, and a wait is a jump to the next timer."""
        ready, timers = self._handles, self._timers
        while timers and timers[0][1].dropped:
            heappop(timers)
        if not ready and not cast("Any", self)._stopping:
            self._jump(timers[0][0] if timers else None)
        until = self._timeline.seconds
        while timers and timers[0][0] <= until:
            ready.append(heappop(timers)[1])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.dropped:
                try:
                    handle.context.run(handle.callback, *handle.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001  # as asyncio: a callback ends nobody but itself
                    message = f"exception in callback {handle.callback!r}"
                    self.call_exception_handler({"message": message, "exception": error})

    def _jump(self, when: float | None) -> None:
        if when is None:
            raise VirtualTimeStuck("every task waits and no timer is set")
        if when > LONGEST_RUN_SECONDS:
            raise VirtualTimeStuck(f"still running after {LONGEST_RUN_SECONDS} virtual seconds")
        self._timeline.seconds = max(when, self._timeline.seconds)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        handle = _Handle(callback, args, contextvars.copy_context() if context is None else context)
        self._handles.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:
        return self.call_at(self._timeline.seconds + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:
        handle = _Handle(callback, args, contextvars.copy_context() if context is None else context)
        heappush(self._timers, (when, handle))
        return handle

    def close(self) -> None:
        super().close()
        self._handles.clear()
        self._timers.clear()

    def time(self) -> float:
        return self._timeline.seconds

    def create_future(self) -> asyncio.Future[Any]:
        return _OrderedFuture(loop=self)

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> Never:
        raise RealWorldRefused("threads and executors under virtual time")

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        raise RealWorldRefused("threads under virtual time")


class VirtualTime:
    """Clock, sleep, ids and draws of one simulated world; implements the ports Clock, Sleeper and IdSource."""

    def __init__(self, seed: int, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self.draws = SeededDraws(seed)
        self._start = start
        self._timeline = _Timeline()
        self._ids = count(1)
        self._seed = seed
        self._known = (0, start)
        """The last time asked for, in milliseconds since the start and as it was answered."""

    def now(self) -> datetime:
        milliseconds = round(self._timeline.seconds * MICROSECONDS) // MICROSECONDS_PER_MILLISECOND
        if milliseconds != self._known[0]:
            self._known = (milliseconds, self._start + milliseconds * MILLISECOND)
        return self._known[1]

    def monotonic(self) -> float:
        return self._timeline.seconds

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        wake: asyncio.Future[None] = asyncio.Future(
            loop=loop
        )  # nobody keeps it in a set, so it needs no order
        timer = loop.call_later(max(seconds, 0.0), _wake, wake)
        try:
            await wake
        except BaseException:
            timer.cancel()
            raise

    def jump(self, seconds: float) -> None:
        """As if the whole world had been suspended for so long: every timer that was due meanwhile fires now."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._timeline.seconds += seconds

    def new(self) -> str:
        return self.token_bytes(ID_BYTES).hex()

    def token_bytes(self, count: int) -> bytes:
        produced = b""
        while len(produced) < count:
            produced += blake2b(f"{self._seed}/{next(self._ids)}".encode()).digest()
        return produced[:count]

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run `main()` to its end; left-over tasks are cancelled. Raises VirtualTimeStuck on a deadlock."""
        loop = _VirtualLoop(self._timeline)
        try:
            return loop.run_until_complete(_awaited(main))
        finally:
            _close(loop)


def run_virtual(seed: int, main: Callable[[VirtualTime], Awaitable[T]], start: datetime = START) -> T:
    """Run `main(world)` in a fresh world of this seed."""
    world = VirtualTime(seed, start)
    return world.run(lambda: main(world))


async def _awaited(main: Callable[[], Awaitable[T]]) -> T:
    return await main()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _close(loop: _VirtualLoop) -> None:
    left = sorted(asyncio.all_tasks(loop), key=hash)
    for task in left:
        task.cancel()
    try:
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
