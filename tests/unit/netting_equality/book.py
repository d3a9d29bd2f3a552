"""What a follower must hold after any history of leaders, hedging or netting: written from the rules in docs/copying.md
("Hedging and netting") and nothing else. It imports nothing of the product."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

STEP = Decimal("0.01")
ZERO = Decimal(0)
BUY, SELL = "buy", "sell"


def floored(exact: Fraction) -> Decimal:
    """Down to the lot step."""
    return int(exact / Fraction(STEP)) * STEP


def signed(side: str, volume: Decimal) -> Decimal:
    return volume if side == BUY else -volume


@dataclass
class Share:
    """What a follower holds of one addition to a leader's position."""

    side: str
    filled: Decimal
    live: Decimal


@dataclass
class Addition:
    opened: Decimal
    left: Decimal
    share: Share | None


@dataclass
class LedPosition:
    side: str
    additions: list[Addition] = field(default_factory=list[Addition])

    @property
    def volume(self) -> Decimal:
        return sum((a.left for a in self.additions), ZERO)


class ReferenceBook:
    """One follower of any number of leaders; `nets`: its own account nets."""

    def __init__(self, multiplier: Decimal, *, nets: bool) -> None:
        self.multiplier = Fraction(multiplier)
        self.nets = nets
        self.shares: list[Share] = []
        self.manual = ZERO
        self.led: dict[tuple[str, str], LedPosition] = {}

    # -- leaders ---------------------------------------------------------------------------------------------------

    def open(self, leader: str, ref: str, side: str, volume: Decimal) -> None:
        self.led[leader, ref] = LedPosition(side)
        self.add(leader, ref, volume)

    def add(self, leader: str, ref: str, volume: Decimal) -> None:
        position = self.led[leader, ref]
        wanted = floored(Fraction(volume) * self.multiplier)
        share = Share(position.side, wanted, wanted) if wanted >= STEP else None
        if share is not None:
            self.shares.append(share)
        position.additions.append(Addition(volume, volume, share))

    def take_off(self, leader: str, ref: str, volume: Decimal) -> None:
        """From the oldest additions first."""
        for addition in self.led[leader, ref].additions:
            taken = min(addition.left, volume)
            volume -= taken
            if not taken:
                continue
            addition.left -= taken
            if addition.share is not None:
                target = floored(
                    Fraction(addition.share.filled) * Fraction(addition.left) / Fraction(addition.opened)
                )
                addition.share.live = min(addition.share.live, target)

    def turn(self, leader: str, ref: str, after: Decimal) -> None:
        position = self.led[leader, ref]
        side = SELL if position.side == BUY else BUY
        self.close(leader, ref)
        self.open(leader, ref, side, after)

    def close(self, leader: str, ref: str) -> None:
        for addition in self.led.pop((leader, ref)).additions:
            if addition.share is not None:
                addition.share.live = ZERO

    # -- the owner -------------------------------------------------------------------------------------------------

    def by_hand(self, side: str, volume: Decimal) -> None:
        """On a netting account: what takes from the net comes off manual volume, then off what it works against, the
        oldest first; what adds to it is manual volume. Who leaves nothing of a position with copies has closed all."""
        net, change = self.exposure(), signed(side, volume)
        closing = min(abs(net), volume) if net * change < ZERO else ZERO
        added = signed(side, volume - closing)
        emptied = closing == abs(net)
        if self.manual * change < ZERO:
            taken = min(abs(self.manual), closing)
            self.manual += signed(side, taken)
            closing -= taken
        if closing and emptied:
            self.manual = ZERO
            for share in self.shares:
                share.live = ZERO
        for share in self.shares:
            if share.side != side:
                taken = min(share.live, closing)
                share.live -= taken
                closing -= taken
        self.manual += added

    # -- what must be there ----------------------------------------------------------------------------------------

    def held(self) -> list[tuple[str, Decimal]]:
        return [(share.side, share.live) for share in self.shares if share.live]

    def exposure(self) -> Decimal:
        return sum((signed(s.side, s.live) for s in self.shares), ZERO) + (self.manual if self.nets else ZERO)
