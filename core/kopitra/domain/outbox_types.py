"""Types of outbox events, as the wire and the journal name them."""

from enum import StrEnum

from kopitra.domain.trading import OrderAction


class OutboxType(StrEnum):
    TRADE_STARTED = "trade.started"
    TRADE_MODIFIED = "trade.modified"
    TRADE_PARTIAL_CLOSE = "trade.partial_close"
    TRADE_CLOSED = "trade.closed"
    TRADE_CANCELLED = "trade.cancelled"
    ORDER_COMMAND = "OrderCommand"
    SESSION_APPROVED = "session.approved"
    SESSION_REJECTED = "session.rejected"
    SESSION_RELEASED = "session.released"
    SESSION_EXPIRED = "session.expired"
    CONFIG_CHANGED = "config.changed"
    RESYNC_REQUESTED = "resync.requested"
    TRADING_HALTED = "trading.halted"
    TRADING_RESUMED = "trading.resumed"


SESSION_TYPES = frozenset(
    {
        OutboxType.SESSION_APPROVED,
        OutboxType.SESSION_REJECTED,
        OutboxType.SESSION_RELEASED,
        OutboxType.SESSION_EXPIRED,
    }
)
"""All that a session which still waits for approval may fetch."""

TRADE_TYPE_OF = {
    OrderAction.OPEN: OutboxType.TRADE_STARTED,
    OrderAction.MODIFY: OutboxType.TRADE_MODIFIED,
    OrderAction.PARTIAL_CLOSE: OutboxType.TRADE_PARTIAL_CLOSE,
    OrderAction.CLOSE: OutboxType.TRADE_CLOSED,
    OrderAction.CANCEL: OutboxType.TRADE_CANCELLED,
    OrderAction.OFFSET: OutboxType.TRADE_CLOSED,
}
