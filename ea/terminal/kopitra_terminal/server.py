"""The socket server of a terminal process: calls in, answers out, several connections and accounts at once.

Crash-only: an error while an operation is executed or written to its log ends the process, since memory and log may
differ by then; the next start reads the log.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_terminal import wire
from kopitra_terminal.desk import Desk
from kopitra_terminal.frames import FrameBuffer, FrameTooLong, framed

READ_BYTES = 256 * 1024


class TerminalServer:
    """Serves the desks of a process, by login."""

    def __init__(self, desks: Mapping[int, Desk]) -> None:
        self._desks = desks
        self._trades: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def failed(self) -> None:
        """Never returns; raises the first error that makes this process unfit to go on."""
        await self._failure

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first call to its end. Trades that are on their way outlive it."""
        buffer = FrameBuffer()
        waits: set[asyncio.Task[None]] = set()
        try:
            while data := await reader.read(READ_BYTES):
                for message in buffer.feed(data):
                    self._take(message, writer, waits)
                await writer.drain()
        except (ConnectionError, FrameTooLong, msgspec.MsgspecError):
            pass  # the other side is gone, or is not ours: there is nobody to tell
        except asyncio.CancelledError:
            pass  # the process ends; asyncio's streams complain of a handler that ends cancelled
        except Exception as error:  # noqa: BLE001 - the operation may be half done: see above
            self._fail(error)
        finally:
            for wait in waits:
                wait.cancel()
            writer.close()

    def _take(self, message: bytes, writer: asyncio.StreamWriter, waits: set[asyncio.Task[None]]) -> None:
        call = wire.decode_call(message)
        match call.body:
            case wire.ListAccounts():
                _write(writer, wire.encode_result(call.number, tuple(self._desks)))
            case wire.SpreadQuotes():
                fired = {login: desk.take_quotes(call.body.quotes) for login, desk in self._desks.items()}
                _write(writer, wire.encode_result(call.number, fired))
            case body:
                desk = self._desks.get(call.login)
                if desk is None:
                    answer = wire.encode_error(call.number, "unknown_account", f"no account {call.login}")
                    _write(writer, answer)
                elif isinstance(body, wire.Send):
                    self._spawn(self._send(desk, call.number, body, writer), self._trades)
                elif isinstance(body, wire.AwaitChange):
                    self._spawn(self._await_change(desk, call.number, body, writer), waits)
                else:
                    _write(writer, wire.encode_result(call.number, _answer(desk, body)))

    async def _send(self, desk: Desk, number: int, body: wire.Send, writer: asyncio.StreamWriter) -> None:
        try:
            answer = wire.encode_result(number, await desk.send(body.request))
        except TerminalUnavailable as lost:
            answer = wire.encode_error(number, "unavailable", str(lost))
        _write(writer, answer)

    async def _await_change(
        self, desk: Desk, number: int, body: wire.AwaitChange, writer: asyncio.StreamWriter
    ) -> None:
        _write(writer, wire.encode_result(number, await desk.changed(body.seen, body.seconds)))

    def _spawn(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(self._note)

    def _note(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)


def _answer(desk: Desk, body: wire.Body) -> object:
    """What can be answered at once."""
    match body:
        case wire.GetAccount():
            return desk.account()
        case wire.GetSymbols():
            return desk.symbols()
        case wire.GetQuotes():
            return desk.quotes(body.symbols)
        case wire.GetPositions():
            return desk.positions()
        case wire.GetOrders():
            return desk.orders()
        case wire.GetDeals():
            return desk.deals(body.after)
        case wire.GetOrderHistory():
            return desk.order_history(body.magic)
        case wire.Operate():
            return desk.operate(body.operation)
        case wire.SetLink():
            return desk.set_link(body.up)
        case wire.ReadLedger():
            return desk.broker.deals_after(body.after)
        case wire.ReadState():
            return desk.broker.state
        case _:
            raise AssertionError(f"{body} has no immediate answer")


def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    if not writer.is_closing():
        writer.write(framed(message))
