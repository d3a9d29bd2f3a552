"""Ask EAs for their whole book where it is long unknown or something is wrong: by the commands queue, without SQL."""

from datetime import datetime, timedelta

import msgspec
import structlog

from kopitra.application.ports.queue import Queue
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra_functions.glances import SessionGlance, glance
from kopitra_functions.ports import Counterparty, ServiceTokens
from kopitra_functions.resyncs import resync_message
from kopitra_functions.timers.memory import Memory

BOOK_OLD_AFTER = timedelta(minutes=30)
"""EAs tell their book every few minutes by themselves: one that has not for so long has to be asked."""
INCIDENT_OLD_AFTER = timedelta(minutes=5)
"""Most incidents end by themselves with the next book."""
ASKED_AT_MOST_EVERY = timedelta(hours=1)
"""What a book did not mend will not be mended by asking for it every few minutes."""
ASKED_AT_ONCE = 200
"""So that a restart with thousands of accounts is no stampede: the rest follows in the next rounds."""
SUBJECT = "reconcile-sweep"
OPEN = "authenticated"

log = structlog.get_logger("kopitra.sweep")


class SweepNotes(msgspec.Struct, rename="camel"):
    asked: dict[str, datetime] = {}


class ReconcileSweep:
    def __init__(
        self,
        *,
        counterparty: Counterparty,
        tokens: ServiceTokens,
        commands: Queue,
        memory: Memory[SweepNotes],
        clock: Clock,
    ) -> None:
        self._counterparty = counterparty
        self._tokens = tokens
        self._commands = commands
        self._memory = memory
        self._clock = clock

    async def run(self) -> int:
        """One round, every ten minutes; returns how many were asked."""
        now = self._clock.now()
        seen = await glance(self._counterparty, self._tokens)
        if seen.trouble is not None:
            log.warning("sweep_saw_nothing", trouble=seen.trouble)
            return 0
        notes = await self._memory.recall()
        asked = {name: at for name, at in notes.asked.items() if now - at < ASKED_AT_MOST_EVERY}
        wanted = [
            (session, reason)
            for session in seen.sessions
            if session.account not in asked and (reason := why(session, now)) is not None
        ][:ASKED_AT_ONCE]
        messages = [
            resync_message(
                tenant=TenantId(session.tenant),
                account=AccountId(session.account),
                reason=reason,
                subject=SUBJECT,
                at=now,
                request=f"{SUBJECT}-{int(now.timestamp())}",
            )
            for session, reason in wanted
        ]
        if messages:
            await self._commands.send(messages)
        await self._memory.keep(SweepNotes(asked | {session.account: now for session, _ in wanted}))
        log.info("swept", sessions=len(seen.sessions), asked=len(wanted))
        return len(wanted)


def why(session: SessionGlance, now: datetime) -> str | None:
    """Why an account's book is needed; None if it is not."""
    if session.status != OPEN or session.silent:
        return None
    if now - (session.snapshot_at or session.opened_at) >= BOOK_OLD_AFTER:
        return "no_recent_snapshot"
    if any(now - incident.since >= INCIDENT_OLD_AFTER for incident in session.incidents):
        return "open_incident"
    return None
