"""What a broker's return codes mean to an EA: the part of the EA's own table that a simulated broker can answer with.

Source: MQL5 Reference, "Trade Server Return Codes".
"""

from enum import StrEnum

import msgspec

from kopitra.simulation.broker.retcodes import Retcode


class Verdict(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    AGAIN = "again"
    """A fresh price may do, a few times."""
    GONE = "gone"
    LATER = "later"
    REFUSED = "refused"


class Answer(msgspec.Struct, frozen=True):
    """`reason` is what the EA reports; `later`: seconds after which a refused reduction is worth another attempt."""

    verdict: Verdict
    reason: str
    later: float = 0.0


ANSWERS: dict[int, Answer] = {
    Retcode.REQUOTE: Answer(Verdict.AGAIN, "requote"),
    Retcode.REJECT: Answer(Verdict.REFUSED, "rejected"),
    Retcode.PLACED: Answer(Verdict.DONE, "placed"),
    Retcode.DONE: Answer(Verdict.DONE, "done"),
    Retcode.DONE_PARTIAL: Answer(Verdict.DONE, "done_partially"),
    Retcode.INVALID: Answer(Verdict.REFUSED, "invalid_request"),
    Retcode.INVALID_VOLUME: Answer(Verdict.REFUSED, "invalid_volume"),
    Retcode.INVALID_PRICE: Answer(Verdict.REFUSED, "invalid_price"),
    Retcode.INVALID_STOPS: Answer(Verdict.REFUSED, "invalid_stops"),
    Retcode.TRADE_DISABLED: Answer(Verdict.LATER, "trade_disabled", 30.0),
    Retcode.MARKET_CLOSED: Answer(Verdict.LATER, "market_closed", 60.0),
    Retcode.NO_MONEY: Answer(Verdict.REFUSED, "no_money"),
    Retcode.PRICE_CHANGED: Answer(Verdict.AGAIN, "price_changed"),
    Retcode.PRICE_OFF: Answer(Verdict.AGAIN, "no_quotes"),
    Retcode.INVALID_EXPIRATION: Answer(Verdict.REFUSED, "invalid_expiration"),
    Retcode.NO_CHANGES: Answer(Verdict.UNCHANGED, "no_changes"),
    Retcode.FROZEN: Answer(Verdict.LATER, "frozen", 5.0),
    Retcode.LIMIT_ORDERS: Answer(Verdict.REFUSED, "orders_limit"),
    Retcode.LIMIT_VOLUME: Answer(Verdict.REFUSED, "volume_limit"),
    Retcode.INVALID_ORDER: Answer(Verdict.REFUSED, "invalid_order"),
    Retcode.POSITION_CLOSED: Answer(Verdict.GONE, "position_closed"),
    Retcode.INVALID_CLOSE_VOLUME: Answer(Verdict.REFUSED, "invalid_close_volume"),
}


def answer_of(retcode: int) -> Answer:
    return ANSWERS.get(retcode, Answer(Verdict.REFUSED, "unknown_retcode"))
