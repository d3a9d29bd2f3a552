"""An agent's way to whichever counterparty answers: it takes time, and dies with either end."""

import asyncio
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from kopitra.protocol.limits import BASE_PATH
from kopitra_agent.ports.transport import Request, Response, TransportError
from kopitra_counterparty.exchange import Request as Asked
from tests.simulation.stage.network import Fate, Storm
from tests.simulation.stage.process import Process
from tests.simulation.stage.shuffling import arriving, returning

if TYPE_CHECKING:
    from tests.simulation.stage.counterparties import Instance
    from tests.simulation.stage.world import World

LATE_MS = (200, 25_000)
"""How late a late request or answer is; the longest outlast the agent's patience."""
Served = tuple[Response, float, float]
AGAIN_MS = (5, 40_000)
"""How much later a doubled request comes a second time."""


class Wire:
    """Implements Transport for one agent."""

    def __init__(self, world: "World", account: str, process: Process) -> None:
        self._world = world
        self._account = account
        self._process = process

    async def exchange(self, request: Request) -> Response:
        world = self._world
        self._process.require_alive()
        fate, storm = world.network.fate(self._account, self._process.monotonic())
        if storm is not None:
            world.coverage.fault(fate)
            world.note("storm", self._account, fate)
        order, new = world.network.shuffler.order_of(self._account, request)
        if new:
            world.coverage.fault("signals_shuffled")
            world.note("shuffled", self._account, order)
        try:
            number = world.network.sends(self._account)
            sent = request if order is None else arriving(request, order)
            async with asyncio.timeout(request.timeout):
                response = await self._travel(sent, number, fate, storm)
        except TimeoutError as error:
            raise TransportError("TimeoutError") from error
        if world.network.overtaken(self._account, "back", number):
            world.coverage.fault("answer_overtaken")
        return response if order is None else returning(response, order)

    async def close(self) -> None:
        pass

    async def _travel(self, request: Request, number: int, fate: Fate, storm: Storm | None) -> Response:
        world, sleep = self._world, self._process.sleep
        await sleep(world.network.latency())
        match fate:
            case Fate.REFUSED:
                raise TransportError("connection refused", reached=False)
            case Fate.RESET:
                raise TransportError("connection reset")
            case Fate.LOST:
                await sleep(request.timeout)
            case Fate.LATE if storm is not None:
                # The packet is on its way whatever becomes of its sender.
                arriving = world.ether.spawn(self._later(request, number, storm.draws.between(*LATE_MS)))
                return await asyncio.shield(arriving)
            case Fate.TWICE if storm is not None:
                world.ether.spawn(self._unheard(request, number, storm.draws.between(*AGAIN_MS)))
            case _:
                pass
        sent = world.time.monotonic()
        response, came, left = await self._served(request, number)
        if fate is Fate.ANSWER_LOST:
            raise TransportError("connection reset")
        if fate is Fate.ANSWER_LATE and storm is not None:
            late = storm.draws.between(*LATE_MS) / 1000
            await sleep(late)
        await sleep(world.network.latency())
        world.network.took(self._account, came - sent)
        world.network.took(self._account, world.time.monotonic() - left)
        return response

    async def _later(self, request: Request, number: int, milliseconds: int) -> Response:
        sent = self._world.time.monotonic()
        await self._world.time.sleep(milliseconds / 1000)
        response, came, left = await self._served(request, number)
        self._world.network.took(self._account, came - sent)
        self._world.network.took(self._account, self._world.time.monotonic() - left)
        return response

    async def _unheard(self, request: Request, number: int, milliseconds: int) -> None:
        with suppress(TransportError):
            await self._later(request, number, milliseconds)

    async def _served(self, request: Request, number: int) -> "Served":
        if self._world.network.overtaken(self._account, "there", number):
            self._world.coverage.fault("request_overtaken")
        instance = self._world.counterparties.listening()
        if instance is None:
            raise TransportError("connection refused", reached=False)
        answering = instance.process.spawn(serve(self._world, instance, self._account, request))
        try:
            return await asyncio.shield(answering)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise TransportError("connection reset") from None


@cache
def _wire_name(header: str) -> bytes:
    return header.lower().encode()


async def serve(world: "World", instance: "Instance", account: str, request: Request) -> "Served":
    """What the instance's gate gives, as a server would send it; when it took the request, and made the answer."""
    process = instance.process
    if process.frozen:
        await process.thawed()
    path, _, query = request.path.partition("?")
    route = instance.route(request.method, path.removeprefix(BASE_PATH))
    came = world.time.monotonic()
    world.network.note_call(account, came)
    headers = {_wire_name(name): value.encode() for name, value in request.headers.items()}
    world.note(account, request.method, request.path, request.body)
    asked = Asked(headers, request.body or b"", query.encode())
    reply, request_id = await instance.service.gate.handle(route, asked)
    left = world.time.monotonic()
    if reply.status < 300:
        world.watch.composed(instance, account, request)
    if process.frozen:
        await process.thawed()
    told = {name.decode(): value.decode() for name, value in reply.wire_headers(request_id)}
    response = Response(status=reply.status, headers=told, body=reply.body)
    world.note(account, "←", reply.status, reply.body)
    world.watch.answered(instance, account, request, response)
    return response, came, left
