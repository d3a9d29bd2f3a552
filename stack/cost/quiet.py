"""What a quiet month uses: 20 EAs connected round the clock, 60 leader events a day within 3 hours on 22 days, an
operator's hour a day. Every environment is reckoned as if it did that."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600
MINUTES_A_MONTH = HOURS_A_MONTH * 60
SQL_REPORT = Path("build/sql-awake-hours.json")
"""Written by tests/management/history/test_quiet_profile.py."""
SQL_AWAKE_HOURS = Decimal("47.7")
"""What that test found when this was written; for a checkout where it has not run yet."""
SQL_MESSAGES = 53_280
MESSAGES_AN_EXECUTION = 4
"""Few, though a burst would fill batches: acknowledgements trickle in over seconds."""


@dataclass(frozen=True)
class Quiet:
    """Quantities a month, each from the part of the platform that makes it."""

    sql_awake_hours: Decimal = SQL_AWAKE_HOURS
    messages: int = SQL_MESSAGES
    """Events told by the counterparty, by the same test."""
    timer_runs: int = MINUTES_A_MONTH * 2 + MINUTES_A_MONTH // 5 + 2 * HOURS_A_MONTH + 30
    """The management side's schedules: two every minute, one every five, two an hour, one a day."""
    operator_requests: int = 30 * 400
    """An hour a day of lists that refresh themselves."""
    fence_checks: int = SECONDS_A_MONTH
    """The writer of the shard reads its fence once a second."""
    journal_gb: Decimal = Decimal(1)
    """A year of journal, snapshots and sealed segments stays below."""
    blobs_gb: Decimal = Decimal(5)
    snapshots: int = MINUTES_A_MONTH // 5
    host_leases: int = SECONDS_A_MONTH // 15
    """The Functions host holds its locks as leases of blobs."""
    receives: int = 5 * MINUTES_A_MONTH
    """Receivers of queues that ask again at least once a minute; each empty answer counts as an operation."""
    vault_operations: int = 30 * 500
    """References that are looked up again, and the wrapping key for brokers' credentials."""
    logs_gb: Decimal = Decimal("0.8")
    """Some 20 series told once a minute at about half a kilobyte (0.45), and the Functions host's own record of each
    timer run and its lines (0.35)."""

    @property
    def bus_operations(self) -> int:
        """Each message is sent, received and completed, in two queues one after the other."""
        return self.messages * 6 + self.receives

    @property
    def executions(self) -> int:
        """Messages pass two queues, and come in bursts of some forty a leader's event, in batches of up to 200."""
        return self.timer_runs + self.messages * 2 // MESSAGES_AN_EXECUTION + self.operator_requests


def measured(root: Path) -> Quiet:
    """With SQL's hours as its test found them last in this checkout."""
    try:
        found = json.loads((root / SQL_REPORT).read_text())
    except FileNotFoundError:
        return Quiet()
    return Quiet(sql_awake_hours=Decimal(str(found["hoursPerMonth"])), messages=int(found["messages"]))
