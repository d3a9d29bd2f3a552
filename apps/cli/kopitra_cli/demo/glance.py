"""What a spectator sees at one moment of the demonstration."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra_cli.demo.cast import Cast
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.demo.verdict import percentile

RECENT = 500
"""Latencies of the last so many copies: what is slow now must show."""


class FollowerGlance(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies in milliseconds, as the platform reports them; the verdict measures by itself."""

    account: AccountId
    about: str
    copies: int
    open: int
    skipped: int
    p50: float | None
    p99: float | None


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """`label`: the statement's own time; `on_its_way`: commands that are not carried out yet."""

    played: int
    events: int
    label: datetime | None
    on_its_way: int
    followers: tuple[FollowerGlance, ...]
    incidents: Sequence[str]
    kills: Sequence[str]
    phase: str


def glance_at(
    cast: Cast,
    record: PlatformRecord,
    *,
    phase: str,
    played: int,
    events: int,
    label: datetime | None,
    incidents: Sequence[str],
    kills: Sequence[str],
) -> Glance:
    return Glance(
        played=played,
        events=events,
        label=label,
        on_its_way=record.on_its_way(),
        followers=tuple(
            FollowerGlance(
                account=follower.account,
                about=follower.about,
                copies=len(record.magics[follower.account]),
                open=len(record.live[follower.account]),
                skipped=sum(record.skips[follower.account].values()),
                p50=percentile(record.latencies[follower.account][-RECENT:], 50),
                p99=percentile(record.latencies[follower.account][-RECENT:], 99),
            )
            for follower in cast.followers
        ),
        incidents=(*record.incidents, *incidents),
        kills=kills,
        phase=phase,
    )
