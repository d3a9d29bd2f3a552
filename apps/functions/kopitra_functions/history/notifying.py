"""Telling channels of findings: by webhook, with bounded patience, each finding once a channel.

A channel that cannot be reached holds nothing up: how it ended is a message of the history queue like everything else.
"""

import asyncio
import hmac
from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol

import msgspec
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from kopitra.application.ports.blobs import BlobError, BlobNotFound, Blobs
from kopitra.application.ports.queue import Message
from kopitra.application.ports.timing import Sleeper
from kopitra.domain.identifiers import TenantId
from kopitra.domain.instants import rfc3339
from kopitra.protocol.event_messages import NO_TENANT, EventMessage
from kopitra_functions.history.told import DELIVERY, Delivery
from kopitra_functions.ports import CredentialCipher, CredentialUnreadable
from kopitra_functions.publishing.channel_file import (
    CHANNELS_BLOB,
    ChannelEntry,
    ChannelList,
    channel_context,
)
from kopitra_functions.timers.findings import Finding

WEBHOOK = "webhook"
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
ALL_SECONDS = 20.0
"""For all deliveries of a batch together: the messages' locks run for a minute."""
MARKS = "management/notified"
TAKEN = range(200, 300)
WORTH_ANOTHER_TRY = frozenset({408, 425, 429, *range(500, 600)})

log = structlog.get_logger("kopitra.notifying")


class WebhookUnreachable(Exception):
    """No answer in time, or one that says to come again."""


class Webhooks(Protocol):
    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status. Raises WebhookUnreachable."""
        ...


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as a message of the history queue has it; `identity` is that message's id."""

    identity: str
    tenant: TenantId
    at: datetime
    finding: Finding


class Notifier:
    def __init__(
        self, *, blobs: Blobs, webhooks: Webhooks, cipher: CredentialCipher, sleeper: Sleeper
    ) -> None:
        self._blobs = blobs
        self._webhooks = webhooks
        self._cipher = cipher
        self._sleeper = sleeper

    async def tell(self, raised: Sequence[Raised]) -> list[Message]:
        """Never raises and never takes longer than `ALL_SECONDS`; how each delivery ended, for the history queue."""
        if not raised:
            return []
        channels = await self._channels()
        tasks = [
            asyncio.ensure_future(self._deliver(channel, one))
            for one in raised
            for channel in channels
            if takes(channel, one)
        ]
        if not tasks:
            return []
        done, late = await asyncio.wait(tasks, timeout=ALL_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            log.warning("deliveries_given_up", number=len(late))
        ended = [task.result() for task in tasks if task in done]
        return [message for message in ended if message is not None]

    async def _channels(self) -> list[ChannelEntry]:
        try:
            content = await self._blobs.get(CHANNELS_BLOB)
            return msgspec.json.decode(content, type=ChannelList).channels
        except BlobNotFound:
            return []
        except (BlobError, msgspec.MsgspecError) as error:
            log.warning("channels_unreadable", error=str(error))
            return []

    async def _deliver(self, channel: ChannelEntry, raised: Raised) -> Message | None:
        mark = mark_of(channel, raised)
        try:
            if await self._blobs.find(mark) is not None:
                return None
            attempts, error = await self._attempt(channel, raised)
            if error is None:
                await self._blobs.put(mark, b"{}", content_type="application/json")
            return _delivery(channel, raised, attempts, error)
        except (BlobError, CredentialUnreadable) as failed:
            log.warning("not_delivered", channel=channel.channel, error=str(failed))
            return _delivery(channel, raised, 0, str(failed))
        except Exception as failed:
            log.exception("delivery_failed", channel=channel.channel)
            return _delivery(channel, raised, 0, type(failed).__name__)

    async def _attempt(self, channel: ChannelEntry, raised: Raised) -> tuple[int, str | None]:
        """How many attempts, and what was wrong with the last."""
        body = body_of(raised)
        headers = {"Content-Type": "application/json", "Idempotency-Key": raised.identity}
        if channel.sealed is not None:
            context = channel_context(channel.tenant, channel.channel)
            secret = await self._cipher.open(b64decode(channel.sealed), context=context)
            headers["X-Kopitra-Signature"] = "sha256=" + hmac.new(secret, body, sha256).hexdigest()
        retrying = AsyncRetrying(
            sleep=self._sleeper.sleep,
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=FIRST_PAUSE_SECONDS),
            retry=retry_if_exception_type(WebhookUnreachable),
            reraise=True,
        )
        number = 0

        async def once() -> int:
            nonlocal number
            number += 1
            status = await self._webhooks.post(channel.target, body, headers)
            if status in WORTH_ANOTHER_TRY:
                raise WebhookUnreachable(f"it answers {status}")
            return status

        try:
            status: int = await retrying(once)
        except WebhookUnreachable as error:
            return number, str(error)
        return number, None if status in TAKEN else f"it answers {status}"


def takes(channel: ChannelEntry, raised: Raised) -> bool:
    """A channel of another tenant never; a topic may be named as a whole, by its beginning, or as `*`."""
    if not channel.enabled or channel.kind != WEBHOOK or channel.tenant not in (raised.tenant, NO_TENANT):
        return False
    topic = raised.finding.kind
    return any(name in ("*", topic) or topic.startswith(name + ".") for name in channel.topics)


def mark_of(channel: ChannelEntry, raised: Raised) -> str:
    """The blob that says that this channel was told of this finding; by days, so that old ones can go."""
    name = sha256(f"{raised.identity}\x1f{channel.tenant}\x1f{channel.channel}".encode()).hexdigest()[:32]
    return f"{MARKS}/{raised.at:%Y-%m-%d}/{name}.json"


def body_of(raised: Raised) -> bytes:
    """What a webhook gets."""
    finding = raised.finding
    return msgspec.json.encode(
        {
            "notification": raised.identity,
            "topic": finding.kind,
            "severity": finding.severity,
            "title": finding.title,
            "detail": finding.detail,
            "tenant": raised.tenant,
            "account": finding.account,
            "occurredAt": rfc3339(raised.at),
        }
    )


def _delivery(channel: ChannelEntry, raised: Raised, attempts: int, error: str | None) -> Message:
    finding = raised.finding
    payload = Delivery(
        notification=raised.identity,
        channel=channel.channel,
        topic=finding.kind,
        severity=finding.severity,
        title=finding.title,
        detail=finding.detail,
        status="sent" if error is None else "failed",
        attempts=attempts,
        error=error,
    )
    body = EventMessage(
        message_type=DELIVERY,
        tenant=TenantId(channel.tenant),
        sequence=0,
        last_sequence=0,
        occurred_at=rfc3339(raised.at),
        payload=payload,
        account=finding.account,
    )
    return Message(
        body=msgspec.json.encode(body),
        message_id=f"{raised.identity}:{channel.channel}",
        session_id=finding.account,
        subject=DELIVERY,
    )
