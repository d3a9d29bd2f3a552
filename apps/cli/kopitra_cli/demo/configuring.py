"""What the demonstration's operator enters at the management side, and how soon it is in force."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId
from kopitra_cli.adapters.operator_desk import OperatorDesk
from kopitra_cli.demo.cast import Cast, Follower
from kopitra_cli.demo.paperwork import GROUP, TENANT, subscription_of
from kopitra_cli.demo.progress import Progress

IN_FORCE_WAIT_SECONDS = 90.0
"""Killed between writing a change down and sending it, the management side sends it within a minute."""


class NotInForce(Exception):
    """A change was answered and never reached the counterparty."""


class Configuring:
    """`took`: seconds from asking for each change to its record in the counterparty's journal."""

    def __init__(self, desk: OperatorDesk, progress: Progress, clock: Clock) -> None:
        self._desk = desk
        self._progress = progress
        self._clock = clock
        self.took: list[float] = []

    async def enter_everybody(self, cast: Cast, open_ttl_seconds: int | None) -> dict[AccountId, str]:
        """The tenant, its accounts, the group, and the subscriptions of those who are there from the start; each
        account's one-time code. Raises OperatorRefused, NotInForce."""
        await self._desk.post("/tenants", {"tenant": TENANT, "name": "Demonstration"}, every_tenant=True)
        codes: dict[AccountId, str] = {}
        for account in cast.accounts:
            terms = account.terms
            entry = {
                "account": account.account,
                "label": f"{terms.currency} account {terms.login} at {terms.server}",
                "login": terms.login,
                "server": terms.server,
                "currency": terms.currency,
            }
            await self._change("/accounts", entry, account.account)
            issued = await self._desk.post(f"/accounts/{account.account}/enrolment-codes", {})
            codes[account.account] = issued["code"]
        group = {"group": GROUP, "name": "Followers of the leader", "leaders": [cast.leader.account]}
        await self._desk.post("/copy-groups", group)
        present = [follower for follower in cast.followers if not follower.joins_late]
        await self.subscribe(present, open_ttl_seconds)
        return codes

    async def subscribe(self, followers: Iterable[Follower], open_ttl_seconds: int | None) -> None:
        """Raises OperatorRefused, NotInForce."""
        for follower in followers:
            body = {"subscription": follower.subscription, **subscription_of(follower, open_ttl_seconds)}
            await self._change("/subscriptions", body, follower.subscription)

    async def _change(self, path: str, body: dict[str, Any], name: str) -> None:
        """Enter something, and wait until the journal has it."""
        record = self._progress.record
        began = self._clock.monotonic()
        await self._desk.post(path, msgspec.to_builtins(body, str_keys=True))
        await self._until(lambda: name in record.configured, name)
        self.took.append(self._clock.monotonic() - began)

    async def _until(self, answer: Callable[[], bool], name: str) -> None:
        if not await self._progress.until(answer, IN_FORCE_WAIT_SECONDS):
            raise NotInForce(f"{name} was not in force within {IN_FORCE_WAIT_SECONDS:.0f} s")
