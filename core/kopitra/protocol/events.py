"""Types of outbox and inbox events."""

from enum import StrEnum

from kopitra.domain.outbox_types import TRADE_TYPE_OF, OutboxType

__all__ = ["TRADE_TYPE_OF", "VOLATILE", "InboxType", "OutboxType"]


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
