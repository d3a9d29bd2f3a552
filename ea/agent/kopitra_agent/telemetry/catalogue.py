"""The broker's symbols: told at the start and when they change, in parts that the wire takes."""

from collections.abc import Callable, Sequence

from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import SymbolCatalog
from kopitra.protocol.events import InboxType
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.terminal import Terminal
from kopitra_agent.ports.timing import Clock
from kopitra_agent.telemetry.parcel import Parcel, inbox_body, inbox_event
from kopitra_agent.telemetry.parts import in_parts

LOOK_SECONDS = 300.0
"""Brokers change specifications over night; thousands of symbols are not read more often than needed."""


class Catalogue:
    """`on_symbols` is given every catalogue that is read."""

    def __init__(
        self,
        terminal: Terminal,
        clock: Clock,
        ids: IdSource,
        on_symbols: Callable[[Sequence[SymbolSpec]], None],
    ) -> None:
        self._terminal = terminal
        self._clock = clock
        self._ids = ids
        self._on_symbols = on_symbols
        self._sent: Sequence[SymbolSpec] = ()
        self._due_at: float | None = None

    def forget(self) -> None:
        """The counterparty may have lost it."""
        self._sent = ()
        self._due_at = None

    def due_in(self) -> float:
        return 0.0 if self._due_at is None else max(self._due_at - self._clock.monotonic(), 0.0)

    async def parcel(self) -> Parcel | None:
        """All parts, if the catalogue is new or has changed. Raises TerminalUnavailable."""
        symbols = list(await self._terminal.symbols())
        self._due_at = self._clock.monotonic() + LOOK_SECONDS
        if not symbols or symbols == self._sent:
            return None
        self._on_symbols(symbols)
        parts = in_parts(symbols)
        catalogue_id = self._ids.new()
        bodies = [
            inbox_body(
                [
                    inbox_event(
                        InboxType.SYMBOL_CATALOG,
                        SymbolCatalog(symbols=part, catalog_id=catalogue_id, part=number, parts=len(parts)),
                    )
                ]
            )
            for number, part in enumerate(parts, 1)
        ]
        return Parcel(bodies, lambda accepted: self._done(symbols, accepted))

    def _done(self, symbols: Sequence[SymbolSpec], accepted: bool) -> None:
        if accepted:
            self._sent = symbols
        else:
            self._due_at = None
