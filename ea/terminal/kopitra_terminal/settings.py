"""What a terminal process is told: where it listens, where its accounts live on disk, and how they begin."""

from decimal import Decimal
from pathlib import Path

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.profiles import MT5, AccountTerms, BrokerProfile
from kopitra_terminal.address import Address, AddressInvalid


class SettingsInvalid(ValueError):
    """The message names the setting and what is wrong with it."""


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an account begins. Once it has a folder, the folder counts and this is not read again."""

    terms: AccountTerms
    symbols: tuple[SymbolSpec, ...]
    profile: BrokerProfile = MT5
    deposit: Decimal = ZERO


class ProcessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`listen`: `127.0.0.1:PORT` (0: any free one) or `unix:/path`. `fsync`: survive a power cut, not only kill -9.
    `keep_operations`: never compact, so that the whole story of an account can be read from its folder."""

    listen: str
    folder: str
    accounts: tuple[AccountSettings, ...]
    fsync: bool = False
    keep_operations: bool = False

    def __post_init__(self) -> None:
        try:
            Address.parse(self.listen)
        except AddressInvalid as error:
            raise SettingsInvalid(f"listen: {error}") from error
        logins = [account.terms.login for account in self.accounts]
        if not logins or min(logins) <= 0:
            raise SettingsInvalid("accounts: at least one, with logins above 0")
        if len(logins) != len(set(logins)):
            raise SettingsInvalid("accounts: a login appears twice")
        for account in self.accounts:
            if not account.symbols:
                raise SettingsInvalid(f"accounts: {account.terms.login} lists no symbols")


def encode_settings(settings: ProcessSettings) -> bytes:
    """As JSON, for a settings file."""
    return msgspec.json.format(msgspec.json.encode(settings))


def read_settings(path: Path) -> ProcessSettings:
    """Raises SettingsInvalid."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ProcessSettings)
    except OSError as error:
        raise SettingsInvalid(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise SettingsInvalid(f"{path}: {error}") from error
