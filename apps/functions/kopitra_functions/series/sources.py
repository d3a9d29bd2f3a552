"""Where the figures of a series come from: single samples, and the hours that were made of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from kopitra_functions.series.counting import Counts, counted
from kopitra_functions.sql.tables import executions, latency_samples, rollups, symbol_specs

HOUR = timedelta(hours=1)
SAMPLES_AT_MOST = 200_000
"""Read for one answer or one slice of rolling up: half a second."""
LATENCY, SLIPPAGE = "latency", "slippage"
STAGES = ("signal_to_record", "record_to_ack", "record_to_execution", "signal_to_execution")

ByHour = dict[datetime, Counter[int]]
Rows = Select[*tuple[Any, ...]]


class TooMany(Exception):
    """There are more samples than one reading takes; the text says what to do."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """`subject`: a latency's stage or a slippage's symbol. `account`: of this one only, which no rollup knows."""

    tenant: str
    series: str
    subject: str | None
    since: datetime
    until: datetime
    account: str | None = None


def hours(connection: Connection, wanted: Wanted) -> ByHour:
    """What came in each hour: of rolled up hours from there, of later ones from the samples. Raises TooMany."""
    if wanted.account is not None:
        return _of_samples(connection, wanted)
    rolled = rolled_until(connection, wanted.tenant, wanted.series)
    found: ByHour = {}
    if rolled is not None and wanted.since < rolled:
        found |= _of_rollups(connection, msgspec.structs.replace(wanted, until=min(wanted.until, rolled)))
    since = wanted.since if rolled is None else max(wanted.since, rolled)
    if since < wanted.until:
        found |= _of_samples(connection, msgspec.structs.replace(wanted, since=since))
    return found


def rolled_until(connection: Connection, tenant: str, series: str) -> datetime | None:
    """The end of the last hour that was rolled up."""
    last: datetime | None = connection.execute(
        select(func.max(rollups.c.begins_at)).where(rollups.c.tenant == tenant, rollups.c.series == series)
    ).scalar_one()
    return None if last is None else last + HOUR


def samples_by_subject(connection: Connection, wanted: Wanted) -> dict[tuple[str, datetime], Counter[int]]:
    """Counts of each subject and hour, from the samples. Raises TooMany."""
    statement = _latencies(wanted) if wanted.series == LATENCY else _slippages(wanted)
    rows = connection.execute(statement.limit(SAMPLES_AT_MOST + 1)).all()
    if len(rows) > SAMPLES_AT_MOST:
        raise TooMany(f"there are more than {SAMPLES_AT_MOST:,} samples: ask for a shorter period")
    values: defaultdict[tuple[str, datetime], list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        subject, at, value = row[:3]
        points = value if wanted.series == LATENCY else in_points(value, row[3])
        values[subject, hour_of(at)].append((points, 1))
    return {key: counted(each) for key, each in values.items()}


def in_points(slippage: Decimal, digits: int) -> int:
    """Whole points of the symbol at the account's broker."""
    return round(slippage.scaleb(digits))


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def added(parts: Iterable[Counts]) -> Counter[int]:
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return total


def _of_samples(connection: Connection, wanted: Wanted) -> ByHour:
    by_hour: defaultdict[datetime, Counter[int]] = defaultdict(Counter)
    for (_, hour), counts in samples_by_subject(connection, wanted).items():
        by_hour[hour].update(counts)
    return dict(by_hour)


def _of_rollups(connection: Connection, wanted: Wanted) -> ByHour:
    statement = select(rollups.c.begins_at, rollups.c.counts).where(
        rollups.c.tenant == wanted.tenant,
        rollups.c.series == wanted.series,
        rollups.c.begins_at >= hour_of(wanted.since),
        rollups.c.begins_at < wanted.until,
    )
    if wanted.subject is not None:
        statement = statement.where(rollups.c.subject == wanted.subject)
    by_hour: defaultdict[datetime, Counter[int]] = defaultdict(Counter)
    for at, counts in connection.execute(statement):
        by_hour[at].update(counts_from(counts))
    return dict(by_hour)


def counts_from(kept: Mapping[str, Any]) -> dict[int, int]:
    return {int(value): int(times) for value, times in kept.items()}


def _latencies(wanted: Wanted) -> Rows:
    table = latency_samples.c
    statement = select(table.stage, table.occurred_at, table.milliseconds).where(
        table.tenant == wanted.tenant, table.occurred_at >= wanted.since, table.occurred_at < wanted.until
    )
    stages = STAGES if wanted.subject is None else (wanted.subject,)
    statement = statement.where(table.stage.in_(stages))
    return statement if wanted.account is None else statement.where(table.account == wanted.account)


def _slippages(wanted: Wanted) -> Rows:
    """Deals with a slippage, at accounts whose symbols are known: only then is a price so many points."""
    table, spec = executions.c, symbol_specs.c
    same = (spec.account == table.account) & (spec.symbol == table.symbol)
    statement = (
        select(table.symbol, table.occurred_at, table.slippage, spec.digits)
        .select_from(executions.join(symbol_specs, same))
        .where(
            table.tenant == wanted.tenant,
            table.occurred_at >= wanted.since,
            table.occurred_at < wanted.until,
            table.slippage.is_not(None),
        )
    )
    if wanted.subject is not None:
        statement = statement.where(table.symbol == wanted.subject)
    return statement if wanted.account is None else statement.where(table.account == wanted.account)
