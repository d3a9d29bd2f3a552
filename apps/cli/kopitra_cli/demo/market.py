"""The market of the demonstration: one tape of quotes, shown to every broker under its own names."""

import asyncio
from collections.abc import Mapping

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealEntry, DealReason
from kopitra.domain.quotes import Quote
from kopitra.domain.trading import SignalAction
from kopitra.simulation.broker.records import Deal
from kopitra_cli.demo.cast import Account, Cast
from kopitra_cli.demo.patience import Patience
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_terminal.control import BrokerControl

BY_ITSELF = frozenset({DealReason.STOP_LOSS, DealReason.TAKE_PROFIT, DealReason.STOP_OUT})


class Market:
    """Every broker has a quote before anyone trades at it. What the quote sets off at a follower's broker is
    `untold` until the platform has heard of it."""

    def __init__(
        self,
        cast: Cast,
        brokers: Mapping[AccountId, BrokerControl],
        record: PlatformRecord,
        patience: Patience,
    ) -> None:
        self._cast = cast
        self._brokers = brokers
        self._record = record
        self._patience = patience
        self._shown: dict[str, tuple[object, object]] = {}
        self._seen: dict[AccountId, int] = dict.fromkeys((each.account for each in cast.accounts), 0)
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
        own = [msgspec.structs.replace(quote, symbol=account.names[quote.symbol]) for quote in quotes]
        if account is self._cast.leader:
            await self._patience.with_terminal(account.account, lambda broker: broker.set_quotes(own))
            return

        async def quote_and_look(broker: BrokerControl) -> list[Deal]:
            _, deals = await asyncio.gather(
                broker.set_quotes(own), broker.ledger(self._seen[account.account])
            )
            return deals

        deals = await self._patience.with_terminal(account.account, quote_and_look)
        if deals:
            self._seen[account.account] = deals[-1].ordinal
        theirs = {name: ours for ours, name in account.names.items()}
        for deal in deals:
            if self._happened_by_itself(account.account, deal):
                symbol = theirs.get(deal.symbol, deal.symbol)
                self._untold.setdefault(symbol, []).append((account.account, deal.deal_id))

    def _happened_by_itself(self, account: AccountId, deal: Deal) -> bool:
        if deal.entry is not DealEntry.IN:
            return deal.reason in BY_ITSELF
        ref = self._record.magics[account].get(deal.magic)
        opening = self._record.openings[account].get(ref) if ref is not None else None
        return opening is not None and opening.signal.action is SignalAction.PENDING_PLACED
