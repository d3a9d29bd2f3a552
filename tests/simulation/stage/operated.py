"""What operators ordered at single accounts, as the journal has it."""

from decimal import Decimal

from kopitra.domain.trading import OrderAction
from kopitra.machine.events import CopyPlanned, OperatorOrdered

Stops = tuple[Decimal | None, Decimal | None]


class Operated:
    def __init__(self) -> None:
        self.lone: set[tuple[str, int]] = set()
        """Accounts and magic numbers of operators' own opens, which are no copies."""
        self.lowered: dict[str, Decimal] = {}
        """By copy id: the least that an operator's partial close let remain."""
        self.stops: dict[str, Stops] = {}
        """By copy id: the stops that an operator gave it, until its leader changes its own."""

    def ordered(self, event: OperatorOrdered) -> None:
        order = event.order
        if order.copy_id is None:
            if order.action is OrderAction.OPEN:
                self.lone.add((str(event.account), order.magic))
            return
        copy = str(order.copy_id)
        if order.action is OrderAction.PARTIAL_CLOSE and order.target_volume is not None:
            self.lowered[copy] = min(self.lowered.get(copy, order.target_volume), order.target_volume)
        if order.action is OrderAction.MODIFY:
            self.stops[copy] = order.stop_loss, order.take_profit

    def opened(self, account: str, magic: int | None) -> bool:
        """Whether a trade is an operator's at this account alone, which is copied on by nobody."""
        return (account, magic) in self.lone

    def planned(self, event: CopyPlanned) -> None:
        """A leader's change of stops takes the place of an operator's."""
        for decision in event.decisions:
            order = decision.order
            if order is not None and order.action is OrderAction.MODIFY:
                self.stops.pop(str(order.copy_id), None)
