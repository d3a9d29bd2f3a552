"""What an account's trades have brought it at every moment, as its broker has it: money paid in or out left aside."""

from decimal import Decimal

ZERO = Decimal(0)


class Fall:
    """How far a figure ever was below what it had been before."""

    def __init__(self) -> None:
        self._highest = ZERO
        self.deepest = ZERO

    def note(self, value: Decimal) -> None:
        self._highest = max(self._highest, value)
        self.deepest = max(self.deepest, self._highest - value)


class Results:
    """`note` is told after every deal and every quote."""

    def __init__(self) -> None:
        self.paid = ZERO
        """In and out, over all."""
        self.realised = Fall()
        self.floating = Fall()
        """With what is open."""
        self.balance = self.equity = ZERO
        """As they are now, or were when the terminal was last up."""
        self.poorest = Decimal("Infinity")
        """The lowest equity since the first deposit."""

    def note(self, balance: Decimal, equity: Decimal) -> None:
        if not self.paid and not balance:
            return
        self.balance, self.equity = balance, equity
        self.realised.note(balance - self.paid)
        self.floating.note(equity - self.paid)
        self.poorest = min(self.poorest, equity)
