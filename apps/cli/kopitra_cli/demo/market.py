"""The market of the demonstration: one tape of quotes, shown to every broker under its own names."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.records import Deal
from kopitra_cli.demo.cast import Account, Cast
from kopitra_cli.demo.patience import Patience
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_terminal.control import BrokerControl


class Market:
    """Every broker has a quote before anyone trades at it. What the quote sets off at a follower's broker is
    `untold` until the platform has heard of it."""

    def __init__(
        self,
        cast: Cast,
        record: PlatformRecord,
        patience: Patience,
    ) -> None:
        self._cast = cast
        self._record = record
        self._patience = patience
        self._shown: dict[str, tuple[object, object]] = {}
        self._untold: dict[str, list[tuple[AccountId, int]]] = {}

    def moves(self, quote: Quote | None) -> bool:
        """Whether showing this quote would change anything."""
        return quote is not None and self._shown.get(quote.symbol) != (quote.bid, quote.ask)

    def untold(self, symbol: str) -> bool:
        """Whether a follower's own stop or order was set off in this symbol and the platform does not know yet."""
        waiting = self._untold.get(symbol, [])
        waiting[:] = [each for each in waiting if each[1] not in self._record.recorded_deals[each[0]]]
        return bool(waiting)

    async def show(self, *quotes: Quote) -> None:
        """Return when every broker has them, and what they set off there is known."""
        await asyncio.gather(*(self._show_to(account, quotes) for account in self._cast.accounts))
        for quote in quotes:
            self._shown[quote.symbol] = (quote.bid, quote.ask)

    async def _show_to(self, account: Account, quotes: tuple[Quote, ...]) -> None:
        own = [
            msgspec.structs.replace(quote, symbol=account.names[quote.symbol])
            for quote in quotes
            if quote.symbol in account.names
        ]
        theirs = {name: ours for ours, name in account.names.items()}
        fired = await self._patience.with_terminal(account.account, self._asking(account, own))
        if account is self._cast.leader:
            return  # its market does nothing by itself: the history says it all
        for deal in fired:
            self._untold.setdefault(theirs[deal.symbol], []).append((account.account, deal.deal_id))

    def _asking(
        self, account: Account, quotes: Sequence[Quote]
    ) -> Callable[[BrokerControl], Awaitable[Sequence[Deal]]]:
        """The deals that the quotes set off. Where the first call's answer was lost with its terminal: whatever the
        platform does not know yet."""
        asked = False

        async def ask(broker: BrokerControl) -> Sequence[Deal]:
            nonlocal asked
            again, asked = asked, True
            fired = await broker.set_quotes(quotes)
            if not again:
                return fired
            known, symbols = self._record.recorded_deals[account.account], {quote.symbol for quote in quotes}
            return [d for d in await broker.ledger() if d.symbol in symbols and d.deal_id not in known]

        return ask
