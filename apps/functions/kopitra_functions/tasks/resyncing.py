"""Asking EAs for their books: all of a tenant's, or one follower's with a look at what comes of it."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select

from kopitra.application.ports.queue import Queue
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId
from kopitra_functions.glances import SessionGlance, glance
from kopitra_functions.ports import Counterparty, CounterpartyUnreachable, ServiceTokens
from kopitra_functions.resyncs import resync_message
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import accounts
from kopitra_functions.tasks.parameters import FullResync, ReconcileFollower
from kopitra_functions.tasks.run import Step, TaskRefused, TaskRun
from kopitra_functions.tasks.work import PATIENCE, Tell

ACCOUNTS_A_STEP = 100
"""One call of the queue."""
BOOK_SECONDS = timedelta(seconds=90)
"""An EA that is there tells its book within a poll, 25 s, and a moment."""
LOOK_SECONDS = 2.0
BOOKS = 2
"""An absence counts when two books at least 5 s apart agree on it (docs/copying.md)."""
APART = timedelta(seconds=6)
PROPOSALS = 500
OK = 200


class AllBooks:
    """`ea.resync` for every account of the tenant."""

    def __init__(self, *, database: Database, commands: Queue, clock: Clock) -> None:
        self._database = database
        self._commands = commands
        self._clock = clock

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        parameters = msgspec.convert(run.parameters, FullResync)
        after: str = run.position or ""
        of_tenant = accounts.c.tenant == run.tenant

        def page(connection: Any) -> tuple[list[str], int]:
            names = connection.execute(
                select(accounts.c.account)
                .where(of_tenant, accounts.c.account > after)
                .order_by(accounts.c.account)
                .limit(ACCOUNTS_A_STEP)
            ).scalars()
            total = connection.execute(select(func.count()).select_from(accounts).where(of_tenant))
            return list(names), total.scalar_one()

        names, total = await self._database.read(page, patience=PATIENCE)
        now = self._clock.now()
        if names:
            await self._commands.send(
                [
                    resync_message(
                        tenant=run.tenant,
                        account=AccountId(name),
                        reason=parameters.reason,
                        subject=run.requested_by,
                        at=now,
                        request=run.run_id,
                    )
                    for name in names
                ]
            )
        done = run.done + len(names)
        finished = len(names) < ACCOUNTS_A_STEP
        return Step(
            position=names[-1] if names else after,
            done=done,
            total=max(total, done),
            finished=finished,
            result={"asked": done} if finished else None,
        )


class Waiting(msgspec.Struct, frozen=True, rename="camel"):
    """How far the reconciling of a follower is: which book is waited for, since when it was asked for."""

    book: int
    asked_at: datetime


class OneBook:
    """`ea.resync` for one follower, twice, and what the counterparty then proposes to put right."""

    def __init__(
        self, *, commands: Queue, counterparty: Counterparty, tokens: ServiceTokens, clock: Clock
    ) -> None:
        self._commands = commands
        self._counterparty = counterparty
        self._tokens = tokens
        self._clock = clock

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        account = msgspec.convert(run.parameters, ReconcileFollower).account
        session = await self._session(run, account)
        if run.position is None:
            return await self._ask(run, account, 1)
        waiting = msgspec.convert(run.position, Waiting, strict=False)
        now = self._clock.now()
        if session.snapshot_at is None or session.snapshot_at < waiting.asked_at:
            if now - waiting.asked_at > BOOK_SECONDS:
                raise TaskRefused(f"{account} has not told its book for {BOOK_SECONDS.seconds} s")
            return self._wait(run, waiting)
        if waiting.book < BOOKS:
            if now - waiting.asked_at < APART:
                return self._wait(run, waiting)
            return await self._ask(run, account, waiting.book + 1)
        proposals = await self._proposals(account)
        found = {
            "account": account,
            "proposals": proposals,
            "incidents": [msgspec.to_builtins(incident) for incident in session.incidents],
            "snapshotAt": session.snapshot_at,
        }
        return Step(position=None, done=BOOKS + 1, total=BOOKS + 1, finished=True, result=found)

    async def _session(self, run: TaskRun, account: AccountId) -> SessionGlance:
        """Raises TaskRefused where there is none of this tenant."""
        seen = await glance(self._counterparty, self._tokens)
        if seen.trouble is not None:
            raise CounterpartyUnreachable(seen.trouble)
        for session in seen.sessions:
            if session.account == account and session.tenant == run.tenant:
                return session
        raise TaskRefused(f"{account} has no live session")

    async def _ask(self, run: TaskRun, account: AccountId, book: int) -> Step:
        now = self._clock.now()
        message = resync_message(
            tenant=run.tenant,
            account=account,
            reason="reconcile",
            subject=run.requested_by,
            at=now,
            request=f"{run.run_id}:{book}",
        )
        await self._commands.send([message])
        return self._wait(run, Waiting(book, now))

    @staticmethod
    def _wait(run: TaskRun, waiting: Waiting) -> Step:
        return Step(
            position=msgspec.to_builtins(waiting), done=waiting.book - 1, total=BOOKS + 1, pause=LOOK_SECONDS
        )

    async def _proposals(self, account: AccountId) -> list[Any]:
        answer = await self._counterparty.ask(
            "GET",
            "/reconciliation",
            token=await self._tokens.token(),
            query={"account": account, "limit": str(PROPOSALS)},
        )
        if answer.status != OK:
            raise CounterpartyUnreachable(f"it answers {answer.status}")
        return msgspec.json.decode(answer.body)["proposals"]
