"""What a netting account must come to: one position a symbol, the sum of its copies and of what its owner trades."""

from collections.abc import Iterator
from decimal import Decimal

from kopitra.domain.orders import Side
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.stage.desired import ZERO, bounds
from tests.simulation.stage.facts import CopyFacts, signed


@invariant("nets_add_up")
class NetsAddUp(Invariant):
    """The net position is what its copies should hold, each by its own leader's trade, and the owner's own volume."""

    def unsettled(self) -> Iterator[str]:
        for account in sorted(self.facts.netting):
            symbols = {symbol for name, symbol in self.facts.nets if name == account}
            for symbol in sorted(symbols):
                self.times += 1
                least = most = self.facts.manual.get((account, symbol), ZERO)
                for copy in self.facts.copies.values():
                    if (copy.account, copy.symbol) == (account, symbol):
                        low, high = self._bounds(copy)
                        least, most = least + low, most + high
                net = self._net(account, symbol)
                if not least <= net <= most:
                    yield f"{account} holds {net} {symbol}, its copies and its owner's come to {least} to {most}"

    def _net(self, account: str, symbol: str) -> Decimal:
        positions = self.world.parties[account].positions
        return sum((signed(Side(p.side), p.volume) for p in positions if p.symbol == symbol), ZERO)

    def _bounds(self, copy: CopyFacts) -> tuple[Decimal, Decimal]:
        """Signed, the lower first."""
        if copy.copy_id in self.facts.released:
            return _exactly(copy, copy.live)
        trade = self.facts.trade_of(copy)
        if trade is None:
            return _exactly(copy, copy.live if self._rests(copy) else ZERO)
        spec = self.world.parties[copy.account].symbols[copy.symbol]
        remainder = self.facts.shadow.subscriptions[copy.decision.subscription].rules.remainder
        stopped = copy.copy_id in self.facts.stopped
        low, high = sorted(
            signed(copy.side, v) for v in bounds(copy, trade, spec, remainder, flattened=stopped)
        )
        return low, high

    def _rests(self, copy: CopyFacts) -> bool:
        return copy.copy_id not in self.facts.stopped and self.world.parties[copy.leader].rests(copy.ref)


def _exactly(copy: CopyFacts, volume: Decimal) -> tuple[Decimal, Decimal]:
    net = signed(copy.side, volume)
    return net, net
