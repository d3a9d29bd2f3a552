"""Replays a timeline on a broker of a few lines, and tells where the timeline contradicts its own market."""

from decimal import Decimal

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.timeline import Action, Reason, Timeline, TimelineEvent

ENDS = (Action.CLOSE, Action.PENDING_CANCELLED)
BEGINS = (Action.OPEN, Action.PENDING_PLACED)


class LeaderReplay:
    """`contradictions` has a sentence for each event that a real account could not have had."""

    def __init__(self, timeline: Timeline) -> None:
        self.contradictions: list[str] = []
        self.held: dict[str, TimelineEvent] = {}
        """By position_ref: the last event that says what is held."""
        self._ended: dict[str, TimelineEvent] = {}
        self._at_once = _by_time(timeline)
        for event in timeline.events:
            self._check_market(event)
            self._apply(event)

    def _check_market(self, event: TimelineEvent) -> None:
        if event.quote is None:
            if event.symbol:
                self._blame(event, "has no quote")
            return
        if event.quote.bid > event.quote.ask:
            self._blame(event, "has a bid above its ask")
        for held in list(self.held.values()):
            if (
                held.symbol == event.symbol
                and triggered(held, event.quote)
                and not self._happens(held, event)
            ):
                self._blame(event, f"has a quote at which #{held.position_ref} was triggered")

    def _happens(self, held: TimelineEvent, event: TimelineEvent) -> bool:
        """Whether what the quote triggers is among the events of that very time."""
        return any(
            other.position_ref == held.position_ref
            and (
                other.action is Action.PENDING_FILLED
                or other.reason in (Reason.STOP_LOSS, Reason.TAKE_PROFIT)
            )
            for other in self._at_once[event.at.isoformat()]
        )

    def _apply(self, event: TimelineEvent) -> None:
        ref = event.position_ref
        if not ref:
            return
        if (event.action in BEGINS) == (ref in self.held) or ref in self._ended:
            self._blame(event, "begins twice, or happens to what is not held")
        self._check_volume(event)
        self._check_price(event)
        if event.action in ENDS:
            self._ended[ref] = self.held.pop(ref, event)
        else:
            self.held[ref] = event
            if event.quote and triggered(event, event.quote):
                self._blame(event, "sets a stop or a price that its own quote triggers")

    def _check_volume(self, event: TimelineEvent) -> None:
        if event.action in (Action.PARTIAL_CLOSE, Action.CLOSE):
            held = self.held.get(event.position_ref)
            if held is not None and event.volume_before != left_of(held):
                self._blame(event, f"closes of {event.volume_before}, but {left_of(held)} is held")
            if event.volume_before is None or event.volume is None:
                self._blame(event, "closes an unknown volume")
            elif event.volume_before - event.volume != event.volume_after:
                self._blame(event, "has volumes that do not add up")

    def _check_price(self, event: TimelineEvent) -> None:
        if event.quote is None or event.reason is Reason.CLOSE_BY:
            return
        if event.action in (Action.OPEN, Action.PENDING_FILLED):
            market = event.quote.ask if event.side is Side.BUY else event.quote.bid
        elif event.action in (Action.PARTIAL_CLOSE, Action.CLOSE):
            market = event.quote.bid if event.side is Side.BUY else event.quote.ask
        else:
            return
        if event.price != market:
            self._blame(event, f"trades at {event.price} where the market is {market}")

    def _blame(self, event: TimelineEvent, fault: str) -> None:
        self.contradictions.append(
            f"{event.at:%Y-%m-%d %H:%M:%S} {event.action} #{event.position_ref} {fault}"
        )


def left_of(event: TimelineEvent) -> Decimal | None:
    """What is held after the event."""
    return event.volume if event.action is Action.MODIFY else event.volume_after


def triggered(held: TimelineEvent, quote: Quote) -> bool:
    """Whether the quote ends the position by a stop, or fills the order."""
    buys = held.side is Side.BUY
    if held.action in (Action.PENDING_PLACED, Action.PENDING_MODIFIED):
        assert held.price is not None
        market = quote.ask if buys else quote.bid
        falling = (held.order_type is OrderType.LIMIT) == buys
        return market <= held.price if falling else market >= held.price
    market = quote.bid if buys else quote.ask
    loss, profit = held.stop_loss, held.take_profit
    if buys:
        return (loss is not None and market <= loss) or (profit is not None and market >= profit)
    return (loss is not None and market >= loss) or (profit is not None and market <= profit)


def _by_time(timeline: Timeline) -> dict[str, list[TimelineEvent]]:
    found: dict[str, list[TimelineEvent]] = {}
    for event in timeline.events:
        found.setdefault(event.at.isoformat(), []).append(event)
    return found
