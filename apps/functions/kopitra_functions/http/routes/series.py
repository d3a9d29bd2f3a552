"""Latency, slippage and equity over time, by hours or days (UTC)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import Endpoint, Kind, Query, Route
from kopitra_functions.http.messages import Shown
from kopitra_functions.series.counting import Summary, summary
from kopitra_functions.series.sources import (
    HOUR,
    LATENCY,
    SLIPPAGE,
    STAGES,
    ByHour,
    TooMany,
    Wanted,
    added,
    hour_of,
    hours,
)
from kopitra_functions.sql.tables import account_samples

DAY = timedelta(days=1)
BUCKETS = {"hour": HOUR, "day": DAY}
BUCKETS_AT_MOST = 1_000
"""More points than a chart has pixels for: six weeks of hours, or close to three years of days."""
SPANS = {"hour": timedelta(days=2), "day": timedelta(days=31)}
"""What is shown without a beginning."""
SAMPLES_AT_MOST = 200_000

PERIOD = (
    Query("bucket", Kind.TEXT, "Width of a point; an hour without more said.", choices=tuple(BUCKETS)),
    Query("since", Kind.TIME, "From the bucket of this time on; two days or a month back without more said."),
    Query("until", Kind.TIME, "Up to the end of this time's bucket; now without more said."),
)


class SeriesPoint(Shown, frozen=True):
    """`at`: the bucket's beginning. Percentiles by nearest rank; values keep three significant digits."""

    at: str
    number: int
    mean: int
    least: int
    p50: int
    p90: int
    p95: int
    p99: int
    most: int


class Series(Shown, frozen=True):
    """Buckets in which nothing came are left out."""

    unit: str
    bucket: str
    items: list[SeriesPoint]


class EquityPoint(Shown, frozen=True):
    """The bucket's last figures, and the least and most equity that was sampled in it."""

    at: str
    balance: Decimal
    equity: Decimal | None
    least: Decimal | None
    most: Decimal | None


class EquitySeries(Shown, frozen=True):
    account: str
    currency: str | None
    bucket: str
    items: list[EquityPoint]


async def _latency(call: Call) -> Reply:
    return await _series(call, LATENCY, call.query.get("stage", STAGES[-1]), "ms")


async def _slippage(call: Call) -> Reply:
    return await _series(call, SLIPPAGE, call.query.get("symbol"), "points")


async def _series(call: Call, series: str, subject: str | None, unit: str) -> Reply:
    bucket, since, until = _period(call)
    wanted = Wanted(
        tenant=call.own_tenant,
        series=series,
        subject=subject,
        since=since,
        until=until,
        account=call.query.get("account"),
    )
    try:
        found = await call.read(lambda c: hours(c, wanted))
    except TooMany as error:
        raise rejected(Code.QUERY_INVALID, str(error)) from None
    return told(Series(unit=unit, bucket=bucket, items=_points(found, bucket)))


def _points(found: ByHour, bucket: str) -> list[SeriesPoint]:
    grouped: defaultdict[datetime, list[Any]] = defaultdict(list)
    for hour, counts in found.items():
        grouped[begin_of(hour, bucket)].append(counts)
    return [_point(at, summary(added(parts))) for at, parts in sorted(grouped.items())]


def _point(at: datetime, found: Summary) -> SeriesPoint:
    return SeriesPoint(
        at=rfc3339(at),
        number=found.number,
        mean=found.mean,
        least=found.least,
        p50=found.p50,
        p90=found.p90,
        p95=found.p95,
        p99=found.p99,
        most=found.most,
    )


async def _equity(call: Call) -> Reply:
    bucket, since, until = _period(call)
    account, tenant = call.query["account"], call.own_tenant

    def work(connection: Connection) -> Sequence[Any]:
        table = account_samples.c
        statement = (
            select(table.sampled_at, table.balance, table.equity, table.currency)
            .where(table.tenant == tenant, table.account == account)
            .where(table.sampled_at >= since, table.sampled_at < until)
            .order_by(table.sampled_at)
            .limit(SAMPLES_AT_MOST + 1)
        )
        return connection.execute(statement).all()

    rows = await call.read(work)
    if len(rows) > SAMPLES_AT_MOST:
        raise rejected(Code.QUERY_INVALID, "there are too many samples: ask for a shorter period")
    grouped: defaultdict[datetime, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[begin_of(row.sampled_at, bucket)].append(row)
    items = [_equity_point(at, samples) for at, samples in sorted(grouped.items())]
    currency = rows[-1].currency if rows else None
    return told(EquitySeries(account=account, currency=currency, bucket=bucket, items=items))


def _equity_point(at: datetime, samples: Sequence[Any]) -> EquityPoint:
    known = [sample.equity for sample in samples if sample.equity is not None]
    return EquityPoint(
        at=rfc3339(at),
        balance=samples[-1].balance,
        equity=known[-1] if known else None,
        least=min(known, default=None),
        most=max(known, default=None),
    )


def _period(call: Call) -> tuple[str, datetime, datetime]:
    """The bucket's name, and a period of whole buckets. Raises Rejected."""
    bucket = call.query.get("bucket", "hour")
    until = call.query.get("until", call.desk.world.clock.now())
    since = begin_of(call.query.get("since", until - SPANS[bucket]), bucket)
    if begin_of(until, bucket) < until:
        until = begin_of(until, bucket) + BUCKETS[bucket]
    if since >= until:
        raise rejected(Code.QUERY_INVALID, "since must be before until")
    if (until - since) / BUCKETS[bucket] > BUCKETS_AT_MOST:
        raise rejected(
            Code.QUERY_INVALID, f"a series has at most {BUCKETS_AT_MOST} points: ask for days, or less"
        )
    return bucket, since, until


def begin_of(at: datetime, bucket: str) -> datetime:
    """Of the hour or the day (UTC) that a time is in."""
    hour = hour_of(at)
    return hour if bucket == "hour" else hour.replace(hour=0)


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/series/latency",
            summary="How long signals took on a stage of their way, in milliseconds.",
            role=Role.VIEWER,
            answers={200: (Series,)},
            query=(
                *PERIOD,
                Query(
                    "stage",
                    Kind.TEXT,
                    "Between which points; the whole way without more said.",
                    choices=STAGES,
                ),
                Query("account", Kind.TEXT, "Only at this account."),
            ),
        ),
        _latency,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/series/slippage",
            summary="How much worse deals were than asked for, in points of their symbol; negative where better.",
            role=Role.VIEWER,
            answers={200: (Series,)},
            query=(
                *PERIOD,
                Query("symbol", Kind.TEXT, "Only of this symbol, as accounts name it."),
                Query("account", Kind.TEXT, "Only at this account."),
            ),
        ),
        _slippage,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/series/equity",
            summary="An account's balance and equity.",
            role=Role.VIEWER,
            answers={200: (EquitySeries,)},
            query=(*PERIOD, Query("account", Kind.TEXT, "Whose.", required=True)),
        ),
        _equity,
    ),
)
