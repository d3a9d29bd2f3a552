"""Samples of accounts' figures for the equity series: kept in blobs until SQL is awake for another's sake."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from kopitra.application.ports.blobs import BlobNotFound, Blobs
from kopitra.application.ports.queue import Message, Queue
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra_functions.glances import SessionGlance
from kopitra_functions.timers.findings import SAMPLES_A_MESSAGE, Sample, samples_message

SAMPLE_EVERY = timedelta(minutes=15)
"""Four points an hour: enough for a curve over days; what a guard needs is measured where the account lives."""
KEPT_AT_MOST = timedelta(hours=20)
"""After this the samples go to the history queue though nobody uses SQL: well within what a day's chores wait for."""
FOLDER = "management/samples/"
SENT_AT_ONCE = 100
NAME = "%Y-%m-%dT%H%M%S.%f"

IsAwake = Callable[[], Awaitable[bool]]
"""Whether SQL is being used right now, found out without touching it."""


class Round(msgspec.Struct, frozen=True, rename="camel"):
    """One moment's samples by tenant."""

    at: datetime
    by_tenant: dict[TenantId, tuple[Sample, ...]]


class Sampling:
    def __init__(self, *, blobs: Blobs, history: Queue, is_awake: IsAwake) -> None:
        self._blobs = blobs
        self._history = history
        self._is_awake = is_awake

    async def note(self, sessions: Sequence[SessionGlance], now: datetime) -> None:
        """Keep a sample of every session four times an hour, and hand over what was kept when that costs no waking."""
        kept = [info.name async for info in self._blobs.under(FOLDER)]
        slot = _slot(now)
        if name_of(slot) not in kept and await self._keep(sessions, now, slot):
            kept.append(name_of(slot))
        if kept and (now - _time_of(kept[0]) >= KEPT_AT_MOST or await self._is_awake()):
            await self._hand_over(kept, slot)

    async def _keep(self, sessions: Sequence[SessionGlance], now: datetime, slot: datetime) -> bool:
        found = Round(now, samples_of(sessions, slot - SAMPLE_EVERY))
        if found.by_tenant:
            await self._blobs.put(name_of(slot), msgspec.json.encode(found), content_type="application/json")
        return bool(found.by_tenant)

    async def _hand_over(self, names: Iterable[str], current: datetime) -> None:
        """Sent first and deleted after: what comes twice has the same ids. The current quarter's stays as its mark."""
        for name in names:
            if name == name_of(current):
                continue
            try:
                kept = msgspec.json.decode(await self._blobs.get(name), type=Round)
            except BlobNotFound:
                continue
            messages = list(_messages(kept))
            for at in range(0, len(messages), SENT_AT_ONCE):
                await self._history.send(messages[at : at + SENT_AT_ONCE])
            await self._blobs.delete(name)


def samples_of(sessions: Iterable[SessionGlance], since: datetime) -> dict[TenantId, tuple[Sample, ...]]:
    """What was told since then; an older figure would draw a flat line where nothing is known."""
    found: defaultdict[TenantId, list[Sample]] = defaultdict(list)
    for session in sessions:
        told, balance, currency = session.balance_at, session.balance, session.currency
        if told is None or told < since or balance is None or currency is None:
            continue
        sample = Sample(
            account=AccountId(session.account),
            at=told,
            balance=balance,
            currency=currency,
            equity=session.equity,
        )
        found[TenantId(session.tenant)].append(sample)
    return {tenant: tuple(samples) for tenant, samples in sorted(found.items())}


def name_of(slot: datetime) -> str:
    return f"{FOLDER}{slot.strftime(NAME)}.json"


def _messages(kept: Round) -> Iterable[Message]:
    for tenant, samples in kept.by_tenant.items():
        for part, start in enumerate(range(0, len(samples), SAMPLES_A_MESSAGE)):
            yield samples_message(tenant, samples[start : start + SAMPLES_A_MESSAGE], kept.at, part)


def _slot(now: datetime) -> datetime:
    """The beginning of the quarter of an hour."""
    return now - (now - datetime.min.replace(tzinfo=UTC)) % SAMPLE_EVERY


def _time_of(name: str) -> datetime:
    return datetime.strptime(name.removeprefix(FOLDER).removesuffix(".json"), NAME).replace(tzinfo=UTC)
