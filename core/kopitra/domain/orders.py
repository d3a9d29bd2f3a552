"""The words of an order and of a deal, as MetaTrader uses them."""

from enum import StrEnum


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class DealEntry(StrEnum):
    IN = "in"
    OUT = "out"
    INOUT = "inout"


class DealReason(StrEnum):
    CLIENT = "client"
    MOBILE = "mobile"
    WEB = "web"
    EXPERT = "expert"
    STOP_LOSS = "sl"
    TAKE_PROFIT = "tp"
    STOP_OUT = "stopout"
    CLOSE_BY = "close_by"
    ROLLOVER = "rollover"
    BROKER = "broker"


BY_HAND = frozenset({DealReason.CLIENT, DealReason.MOBILE, DealReason.WEB})
"""Reasons of deals that a person made: never a stop, a stop-out or an EA."""


class MarginMode(StrEnum):
    HEDGING = "hedging"
    NETTING = "netting"
