"""MetaTrader 5's trade server return codes, as far as the simulated broker answers with them.

Source: MQL5 Reference, "Trade Server Return Codes". MetaTrader 4's errors are reported by their MetaTrader 5 numbers.
"""

from enum import IntEnum


class Retcode(IntEnum):
    REQUOTE = 10004
    REJECT = 10006
    PLACED = 10008
    DONE = 10009
    DONE_PARTIAL = 10010
    TIMEOUT = 10012
    """The trade may or may not have been executed: the answer does not say."""
    INVALID = 10013
    INVALID_VOLUME = 10014
    INVALID_PRICE = 10015
    INVALID_STOPS = 10016
    TRADE_DISABLED = 10017
    MARKET_CLOSED = 10018
    NO_MONEY = 10019
    PRICE_CHANGED = 10020
    PRICE_OFF = 10021
    INVALID_EXPIRATION = 10022
    TOO_MANY_REQUESTS = 10024
    NO_CHANGES = 10025
    CLIENT_DISABLES_AUTOTRADING = 10027
    FROZEN = 10029
    CONNECTION = 10031
    LIMIT_ORDERS = 10033
    LIMIT_VOLUME = 10034
    INVALID_ORDER = 10035
    POSITION_CLOSED = 10036
    INVALID_CLOSE_VOLUME = 10038
    LONG_ONLY = 10042
    SHORT_ONLY = 10043
    CLOSE_ONLY = 10044


MESSAGES: dict[Retcode, str] = {
    Retcode.REQUOTE: "Requote",
    Retcode.REJECT: "Request rejected",
    Retcode.PLACED: "Order placed",
    Retcode.DONE: "Request completed",
    Retcode.DONE_PARTIAL: "Only part of the request was completed",
    Retcode.TIMEOUT: "Request canceled by timeout",
    Retcode.INVALID: "Invalid request",
    Retcode.INVALID_VOLUME: "Invalid volume",
    Retcode.INVALID_PRICE: "Invalid price",
    Retcode.INVALID_STOPS: "Invalid stops",
    Retcode.TRADE_DISABLED: "Trade is disabled",
    Retcode.MARKET_CLOSED: "Market is closed",
    Retcode.NO_MONEY: "There is not enough money to complete the request",
    Retcode.PRICE_CHANGED: "Prices changed",
    Retcode.PRICE_OFF: "There are no quotes to process the request",
    Retcode.INVALID_EXPIRATION: "Invalid order expiration date",
    Retcode.TOO_MANY_REQUESTS: "Too frequent requests",
    Retcode.NO_CHANGES: "No changes in request",
    Retcode.CLIENT_DISABLES_AUTOTRADING: "Autotrading disabled by client terminal",
    Retcode.FROZEN: "Order or position frozen",
    Retcode.CONNECTION: "No connection with the trade server",
    Retcode.LIMIT_ORDERS: "The number of pending orders has reached the limit",
    Retcode.LIMIT_VOLUME: "The volume of orders and positions for the symbol has reached the limit",
    Retcode.INVALID_ORDER: "Incorrect or prohibited order type",
    Retcode.POSITION_CLOSED: "Position with the specified identifier has already been closed",
    Retcode.INVALID_CLOSE_VOLUME: "A close volume exceeds the current position volume",
    Retcode.LONG_ONLY: "Only long positions are allowed",
    Retcode.SHORT_ONLY: "Only short positions are allowed",
    Retcode.CLOSE_ONLY: "Only position closing is allowed",
}


def message_of(retcode: int) -> str:
    """MetaTrader's words for a code; the bare number where it has none here."""
    known = {int(code): text for code, text in MESSAGES.items()}
    return known.get(retcode, f"retcode {retcode}")
