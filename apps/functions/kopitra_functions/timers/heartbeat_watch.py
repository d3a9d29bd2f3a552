"""Watch the counterparty and its sessions: who is silent, whose figures are old, what everybody has. No SQL is read."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from kopitra.application.ports.queue import Queue
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.domain.instants import rfc3339
from kopitra.protocol.event_messages import NO_TENANT
from kopitra_functions.glances import Glance, SessionGlance, glance
from kopitra_functions.ports import Counterparty, ServiceTokens
from kopitra_functions.timers.findings import Finding, finding_message
from kopitra_functions.timers.memory import Memory
from kopitra_functions.timers.sampling import Sampling

SILENT_AFTER = timedelta(minutes=3)
"""A poll waits 25 s at most and a heartbeat comes every few: who has said nothing for three minutes is gone, and its
lease about to end."""
FIGURES_OLD_AFTER = timedelta(minutes=10)
"""From this age on no size depends on a balance any more: its copies are skipped."""
UNREACHABLE_AFTER = timedelta(minutes=2)
"""A restart takes seconds; two missed rounds are worth waking somebody."""
OPEN = "authenticated"

log = structlog.get_logger("kopitra.watch")


class WatchNotes(msgspec.Struct, rename="camel"):
    trouble_since: datetime | None = None
    raised: dict[str, datetime] = {}
    """Findings that were told of and still hold, with when they began."""


class HeartbeatWatch:
    """Findings go to the queue of events, as if a counterparty had told them: there people are told, and history is."""

    def __init__(
        self,
        *,
        counterparty: Counterparty,
        tokens: ServiceTokens,
        events: Queue,
        memory: Memory[WatchNotes],
        sampling: Sampling,
        clock: Clock,
    ) -> None:
        self._counterparty = counterparty
        self._tokens = tokens
        self._events = events
        self._memory = memory
        self._sampling = sampling
        self._clock = clock

    async def run(self) -> None:
        """One round; every minute. A message may be sent twice, never left out."""
        now = self._clock.now()
        notes = await self._memory.recall()
        seen = await glance(self._counterparty, self._tokens)
        found = [*self._trouble(seen, notes, now), *_of_sessions(seen.sessions, now)]
        fresh = [(tenant, finding) for tenant, finding in found if finding.notification not in notes.raised]
        if fresh:
            await self._events.send([finding_message(tenant, finding, now) for tenant, finding in fresh])
        holding = {finding.notification for _, finding in found}
        if seen.trouble is not None:
            holding |= notes.raised.keys()
        notes.raised = {name: notes.raised.get(name, now) for name in sorted(holding)}
        await self._memory.keep(notes)
        if seen.trouble is None:
            await self._sampling.note(seen.sessions, now)
        _tell(seen, found)

    @staticmethod
    def _trouble(seen: Glance, notes: WatchNotes, now: datetime) -> Iterator[tuple[TenantId, Finding]]:
        if seen.trouble is None:
            notes.trouble_since = None
            return
        since = notes.trouble_since = notes.trouble_since or now
        if now - since >= UNREACHABLE_AFTER:
            yield (
                NO_TENANT,
                Finding(
                    notification=f"counterparty.unreachable:{rfc3339(since)}",
                    kind="counterparty.unreachable",
                    severity="critical",
                    title="The counterparty does not answer",
                    detail=f"since {rfc3339(since)}: {seen.trouble}",
                ),
            )


def _of_sessions(sessions: Sequence[SessionGlance], now: datetime) -> Iterator[tuple[TenantId, Finding]]:
    for session in sessions:
        if session.status != OPEN:
            continue
        if is_silent(session, now):
            yield TenantId(session.tenant), _silent(session)
        elif has_old_figures(session, now):
            yield TenantId(session.tenant), _old_figures(session)


def is_silent(session: SessionGlance, now: datetime) -> bool:
    """Not heard of for longer than any sound EA is quiet; a restarted counterparty has heard of nobody yet."""
    return session.silent or (
        session.last_contact_at is not None and now - session.last_contact_at >= SILENT_AFTER
    )


def has_old_figures(session: SessionGlance, now: datetime) -> bool:
    """Its balance is too old to size a copy by; of a session that never told one, since it opened."""
    told = session.balance_at or session.opened_at
    return now - told >= FIGURES_OLD_AFTER


def _silent(session: SessionGlance) -> Finding:
    last = session.last_contact_at or session.opened_at
    return Finding(
        notification=f"session.silent:{session.account}:{rfc3339(last)}",
        kind="session.silent",
        severity="critical" if session.leader_positions or session.live_copies else "warning",
        title=f"{session.account} is silent",
        detail=f"last heard of at {rfc3339(last)}; {session.live_copies} live copies, "
        f"{session.leader_positions} positions as a leader",
        account=AccountId(session.account),
    )


def _old_figures(session: SessionGlance) -> Finding:
    told = session.balance_at or session.opened_at
    return Finding(
        notification=f"session.figures_old:{session.account}:{rfc3339(told)}",
        kind="session.figures_old",
        severity="warning",
        title=f"{session.account} tells no balance",
        detail=f"the last figures are of {rfc3339(told)}: no copy is sized by them any more",
        account=AccountId(session.account),
    )


def _tell(seen: Glance, found: Sequence[tuple[TenantId, Finding]]) -> None:
    """The metrics: one line a round."""
    kinds = [finding.kind for _, finding in found]
    log.info(
        "watched",
        sessions=len(seen.sessions),
        silent=kinds.count("session.silent"),
        figures_old=kinds.count("session.figures_old"),
        incidents=sum(len(session.incidents) for session in seen.sessions),
        live_copies=sum(session.live_copies for session in seen.sessions),
        trouble=seen.trouble,
    )
