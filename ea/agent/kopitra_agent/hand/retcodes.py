"""What a trade server's return code asks of us, as one table.

Source: MQL5 Reference, "Trade Server Return Codes", and what brokers are known to mean by them.
"""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    """What was asked for is so already."""
    AGAIN = "again"
    """The price moved or the line was busy; a fresh price may do, a few times."""
    UNCERTAIN = "uncertain"
    """The trade may have been executed: look before anything else."""
    GONE = "gone"
    """The position is closed, or the order is no longer there."""
    LATER = "later"
    """Not now; nothing was executed."""
    REFUSED = "refused"
    """No, and asking again in the same words would be blind."""


class Reading(msgspec.Struct, frozen=True):
    """A verdict, a reason that people can read, and for LATER the seconds after which to try again."""

    verdict: Verdict
    reason: str
    later: float = 0.0


MARKET_CLOSED = 10018
RECONNECT_SECONDS = 5.0
AUTOMATION_SECONDS = 30.0
"""Somebody has to press a button; asking more often only fills the log."""
MARKET_SECONDS = 60.0
FREEZE_SECONDS = 5.0

READINGS: dict[int, Reading] = {
    10004: Reading(Verdict.AGAIN, "requote"),
    10006: Reading(Verdict.REFUSED, "rejected"),
    10007: Reading(Verdict.REFUSED, "cancelled_by_trader"),
    10008: Reading(Verdict.DONE, "placed"),
    10009: Reading(Verdict.DONE, "done"),
    10010: Reading(Verdict.DONE, "done_partially"),
    10011: Reading(Verdict.UNCERTAIN, "processing_error"),
    10012: Reading(Verdict.UNCERTAIN, "timeout"),
    10013: Reading(Verdict.REFUSED, "invalid_request"),
    10014: Reading(Verdict.REFUSED, "invalid_volume"),
    10015: Reading(Verdict.REFUSED, "invalid_price"),
    10016: Reading(Verdict.REFUSED, "invalid_stops"),
    10017: Reading(Verdict.LATER, "trade_disabled", AUTOMATION_SECONDS),
    10018: Reading(Verdict.LATER, "market_closed", MARKET_SECONDS),
    10019: Reading(Verdict.REFUSED, "no_money"),
    10020: Reading(Verdict.AGAIN, "price_changed"),
    10021: Reading(Verdict.AGAIN, "no_quotes"),
    10022: Reading(Verdict.REFUSED, "invalid_expiration"),
    10023: Reading(Verdict.AGAIN, "order_changed"),
    10024: Reading(Verdict.AGAIN, "too_many_requests"),
    10025: Reading(Verdict.UNCHANGED, "no_changes"),
    10026: Reading(Verdict.LATER, "autotrading_off_server", AUTOMATION_SECONDS),
    10027: Reading(Verdict.LATER, "autotrading_off", AUTOMATION_SECONDS),
    10028: Reading(Verdict.LATER, "locked", FREEZE_SECONDS),
    10029: Reading(Verdict.LATER, "frozen", FREEZE_SECONDS),
    10030: Reading(Verdict.REFUSED, "invalid_filling"),
    10031: Reading(Verdict.AGAIN, "no_connection"),
    10032: Reading(Verdict.REFUSED, "real_accounts_only"),
    10033: Reading(Verdict.REFUSED, "orders_limit"),
    10034: Reading(Verdict.REFUSED, "volume_limit"),
    10035: Reading(Verdict.REFUSED, "invalid_order"),
    10036: Reading(Verdict.GONE, "position_closed"),
    10038: Reading(Verdict.REFUSED, "invalid_close_volume"),
    10039: Reading(Verdict.LATER, "close_order_exists", FREEZE_SECONDS),
    10040: Reading(Verdict.REFUSED, "positions_limit"),
    10042: Reading(Verdict.REFUSED, "long_only"),
    10043: Reading(Verdict.REFUSED, "short_only"),
    10044: Reading(Verdict.REFUSED, "close_only"),
    10045: Reading(Verdict.REFUSED, "fifo_only"),
    10046: Reading(Verdict.REFUSED, "hedge_prohibited"),
}


def reading_of(retcode: int) -> Reading:
    """An unknown code is read as a refusal: nothing may be concluded from it but that it is not a success."""
    return READINGS.get(retcode, Reading(Verdict.REFUSED, "unknown_retcode"))
