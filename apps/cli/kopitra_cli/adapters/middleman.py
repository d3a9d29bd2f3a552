"""A socket between an agent and its terminal that may change what passes."""

import asyncio
from collections.abc import Callable

from kopitra_cli.demo.planting import Tampering
from kopitra_terminal.address import Address
from kopitra_terminal.frames import FrameBuffer, framed

READ_BYTES = 256 * 1024


class Middleman:
    """Listens on loopback, and speaks to the terminal at `terminal()` for whoever connects."""

    def __init__(self, terminal: Callable[[], str], tampering: Tampering) -> None:
        self._terminal = terminal
        self._tampering = tampering
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """The address to give to the agent."""
        self._server, address = await Address.parse("127.0.0.1:0").listen(self._serve)
        return str(address)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, thither = await Address.parse(self._terminal()).connect()
        except OSError:
            writer.close()
            return
        ways = (
            asyncio.ensure_future(self._onward(reader, thither, writer)),
            asyncio.ensure_future(self._back(there, writer)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            thither.close()
            writer.close()

    async def _onward(
        self, reader: asyncio.StreamReader, thither: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        buffer = FrameBuffer()
        while data := await reader.read(READ_BYTES):
            for message in buffer.feed(data):
                tampered = self._tampering.take(message)
                thither.writelines([framed(each) for each in tampered.onward])
                back.writelines([framed(each) for each in tampered.answers])
            await thither.drain()

    async def _back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = FrameBuffer()
        while data := await there.read(READ_BYTES):
            wanted = [message for message in buffer.feed(data) if self._tampering.is_wanted(message)]
            writer.writelines([framed(message) for message in wanted])
            await writer.drain()
