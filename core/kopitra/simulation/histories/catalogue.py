"""What is known of widely traded symbols: contract size and currencies, which no statement says.

Contract sizes are the commonest among brokers (a lot of a currency pair is 100,000 of its base, of gold 100
ounces, of silver 5,000, of oil 1,000 barrels); a broker may use others, so a real terminal's own catalogue
always wins.
"""

import re
from decimal import Decimal

import msgspec

CURRENCIES = frozenset(
    "AUD BRL CAD CHF CLP CNH CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN NOK NZD PHP PLN RON RUB "
    "SEK SGD THB TRY TWD USD ZAR".split()
)
METALS = {"XAU": 100, "XAG": 5000, "XPT": 100, "XPD": 100}
COINS = frozenset(
    "ADA AVAX BCH BNB BTC DASH DOGE DOT EOS ETC ETH LINK LTC MATIC SOL TRX UNI XLM XMR XRP".split()
)
COIN_QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "JPY", "BTC", "ETH")
NAMED = {
    "GOLD": ("XAU", "USD", 100),
    "SILVER": ("XAG", "USD", 5000),
    "USOIL": ("USD", "USD", 1000),
    "OILUSD": ("USD", "USD", 1000),
    "XTIUSD": ("USD", "USD", 1000),
    "WTI": ("USD", "USD", 1000),
    "UKOIL": ("USD", "USD", 1000),
    "XBRUSD": ("USD", "USD", 1000),
    "BRENT": ("USD", "USD", 1000),
    "XNGUSD": ("USD", "USD", 10000),
    "NATGAS": ("USD", "USD", 10000),
    "US30": ("USD", "USD", 1),
    "DJ30": ("USD", "USD", 1),
    "WS30": ("USD", "USD", 1),
    "NAS100": ("USD", "USD", 1),
    "US100": ("USD", "USD", 1),
    "USTEC": ("USD", "USD", 1),
    "NDX": ("USD", "USD", 1),
    "SPX500": ("USD", "USD", 10),
    "SP500": ("USD", "USD", 10),
    "US500": ("USD", "USD", 10),
    "US2000": ("USD", "USD", 10),
    "DE30": ("EUR", "EUR", 1),
    "DE40": ("EUR", "EUR", 1),
    "GER30": ("EUR", "EUR", 1),
    "GER40": ("EUR", "EUR", 1),
    "DAX": ("EUR", "EUR", 1),
    "FRA40": ("EUR", "EUR", 1),
    "FR40": ("EUR", "EUR", 1),
    "EU50": ("EUR", "EUR", 1),
    "STOXX50": ("EUR", "EUR", 1),
    "UK100": ("GBP", "GBP", 1),
    "JP225": ("JPY", "JPY", 10),
    "JPN225": ("JPY", "JPY", 10),
    "HK50": ("HKD", "HKD", 1),
    "AUS200": ("AUD", "AUD", 1),
}
"""Symbols whose name is no pair: base currency, profit currency, contract size."""

PAIR_LOT = 100_000
COIN_LOT = 1
DECORATION_CHARACTERS = 6
"""The longest suffix that is still taken for a broker's decoration (".cash", "micro")."""

_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]")


class KnownSymbol(msgspec.Struct, frozen=True):
    base_currency: str
    profit_currency: str
    contract_size: Decimal


def known_symbol(name: str) -> KnownSymbol | None:
    """What the catalogue knows of a broker's symbol, decorated or not ("eurusd.", "#US30", "XAUUSDm"); None:
    nothing."""
    plain = _NOT_ALPHANUMERIC.sub("", name.upper())
    return _pair(plain) or _coin(plain) or _named(plain)


def _pair(plain: str) -> KnownSymbol | None:
    base, profit, suffix = plain[:3], plain[3:6], plain[6:]
    size = METALS.get(base, PAIR_LOT if base in CURRENCIES else 0)
    if not size or profit not in CURRENCIES or base == profit or not _is_decoration(suffix):
        return None
    if profit + suffix in COIN_QUOTES[:2]:
        return None
    return KnownSymbol(base, profit, Decimal(size))


def _coin(plain: str) -> KnownSymbol | None:
    for coin in COINS:
        rest = plain.removeprefix(coin)
        for quote in COIN_QUOTES if rest != plain else ():
            if rest.startswith(quote) and _is_decoration(rest.removeprefix(quote)):
                return KnownSymbol(coin, quote, Decimal(COIN_LOT))
    return None


def _named(plain: str) -> KnownSymbol | None:
    fitting = [name for name in NAMED if plain.startswith(name) and _is_decoration(plain.removeprefix(name))]
    if not fitting:
        return None
    base, profit, size = NAMED[max(fitting, key=len)]
    return KnownSymbol(base, profit, Decimal(size))


def _is_decoration(suffix: str) -> bool:
    """A digit after a name makes it another name (US300 is not US30)."""
    return not suffix or (suffix.isalpha() and len(suffix) <= DECORATION_CHARACTERS)
