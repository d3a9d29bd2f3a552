"""Types of outbox and inbox events."""

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


TRADE_TYPE_OF = {
    OrderAction.OPEN: OutboxType.TRADE_STARTED,
    OrderAction.MODIFY: OutboxType.TRADE_MODIFIED,
    OrderAction.PARTIAL_CLOSE: OutboxType.TRADE_PARTIAL_CLOSE,
    OrderAction.CLOSE: OutboxType.TRADE_CLOSED,
    OrderAction.CANCEL: OutboxType.TRADE_CANCELLED,
    OrderAction.OFFSET: OutboxType.TRADE_CLOSED,
}


class InboxType(StrEnum):
    ACK = "OutboxAck"
    HEARTBEAT = "ea.heartbeat"
    ACCOUNT_SNAPSHOT = "ea.account_snapshot"
    QUOTES = "ea.quotes"
    BALANCE_OPERATION = "ea.balance_operation"
    POSITION_SNAPSHOT = "ea.position_snapshot"
    SYMBOL_CATALOG = "ea.symbol_catalog"
    AUTOTRADE_STATUS = "ea.autotrade_status"
    EXECUTION_NOTICE = "ea.execution_notice"
    ERROR = "ea.error"


VOLATILE = frozenset({InboxType.HEARTBEAT, InboxType.ACCOUNT_SNAPSHOT, InboxType.QUOTES})
