"""The account that this agent serves, as its terminal names it: refs and ledger ordinals are scoped by it."""

import msgspec

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.orders import MarginMode
from kopitra_agent.ports.terminal import TerminalAccount


class LoginChanged(Exception):
    """The terminal was switched to another account; the agent ends, because nothing it remembers applies any more."""


class Owner(msgspec.Struct, frozen=True):
    """`currency` is what the account's money is counted in; `netting`: it has one position per symbol."""

    login: int
    server: str
    currency: str
    netting: bool = False

    @staticmethod
    def of(account: TerminalAccount) -> "Owner":
        netting = account.mode is MarginMode.NETTING
        return Owner(account.login, account.server, account.currency, netting)

    def require(self, account: TerminalAccount) -> None:
        """Raises LoginChanged."""
        if (account.login, account.server) != (self.login, self.server):
            raise LoginChanged(f"{account.server}:{account.login} instead of {self.server}:{self.login}")

    def position_ref(self, position_id: int) -> PositionRef:
        return PositionRef(f"{self.server}:{self.login}:{position_id}")

    def order_ref(self, ticket: int) -> PositionRef:
        """A pending order's own ref; the letter keeps it apart from every position's."""
        return PositionRef(f"{self.server}:{self.login}:o{ticket}")
