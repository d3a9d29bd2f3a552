"""What the trigger does without SQL: everything is passed on, people are told once, and no hook holds anything up."""

import hmac
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.application.event_publishing import outgoing
from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra.application.ports.queue import Message, QueueUnavailable, ReceivedMessage
from kopitra.domain.identifiers import AccountId, CopyId, TenantId
from kopitra.machine.events import AnyEvent, HaltMode, HaltScope, IncidentOpened, Recorded, TradingHalted
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_functions.history.notifying import Notifier, WebhookUnreachable
from kopitra_functions.history.recent import Recent
from kopitra_functions.history.spool import Spool
from kopitra_functions.publishing.channel_file import (
    CHANNELS_BLOB,
    ChannelEntry,
    ChannelList,
    channel_context,
)
from kopitra_functions.timers.findings import Finding, finding_message
from tests.management.history.scriptorium import Scriptorium
from tests.management.history.streams import PLACE, golden, published

SECRET = b"a shared secret"
TENANT = TenantId("acme")


class Backwards:
    """A cipher that a test can read."""

    async def seal(self, plain: bytes, *, context: str) -> bytes:
        return context.encode() + plain[::-1]

    async def open(self, sealed: bytes, *, context: str) -> bytes:
        return sealed.removeprefix(context.encode())[::-1]


class Post:
    """Webhooks that a test answers. `down`: how many calls find nobody there."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.calls = 0
        self.down = 0
        self.status = 200

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.calls += 1
        if self.calls <= self.down:
            raise WebhookUnreachable("nobody there")
        self.sent.append((url, msgspec.json.decode(body), headers))
        return self.status


class Place:
    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.blobs = MemoryBlobs(time)
        self.history = MemoryQueue(time, time)
        self.webhooks = Post()
        self.spool = self.new_spool()

    def new_spool(self) -> Spool:
        notifier = Notifier(blobs=self.blobs, webhooks=self.webhooks, cipher=Backwards(), sleeper=self.time)
        return Spool(
            history=self.history, blobs=self.blobs, notifier=notifier, recent=Recent(), sleeper=self.time
        )

    async def channels(self, *entries: ChannelEntry) -> None:
        await self.blobs.put(CHANNELS_BLOB, msgspec.json.encode(ChannelList(channels=list(entries))))

    async def take(self, *messages: Message, spool: Spool | None = None) -> None:
        await (spool or self.spool).take([received(one, n + 1) for n, one in enumerate(messages)])

    async def passed_on(self) -> list[Message]:
        return [one.message for one in await self.history.peek(100_000)]

    async def types(self) -> list[str]:
        return [msgspec.json.decode(one.body)["messageType"] for one in await self.passed_on()]


def channel(name: str = "desk", **changes: Any) -> ChannelEntry:
    fields: dict[str, Any] = {
        "channel": name,
        "tenant": "acme",
        "name": name,
        "kind": "webhook",
        "target": f"https://{name}.example/hook",
        "topics": ["incident", "anomaly", "trading.halted"],
        "settings": {},
        "enabled": True,
        "version": 1,
    }
    return ChannelEntry(**(fields | changes))


def received(message: Message, number: int) -> ReceivedMessage:
    return ReceivedMessage(
        message=message,
        sequence_number=number,
        delivery_count=1,
        enqueued_time_utc=VirtualTime(1).now(),
        lock_token="",
    )


def told(event: AnyEvent, sequence: int = 7) -> Message:
    at = VirtualTime(1).now()
    message = outgoing(Recorded(sequence, sequence, at, event), PLACE, {AccountId("a"): TENANT}, sequence - 1)
    assert message is not None
    return message.message


def incident(number: int = 1) -> Message:
    opened = IncidentOpened(
        incident=f"i-{number}",
        kind="close_refused",
        account=AccountId("a"),
        detail="no money",
        copy_id=CopyId("c"),
    )
    return told(opened, number)


def virtually(test: Any) -> None:
    async def main(time: VirtualTime) -> None:
        await test(Place(time))

    run_virtual(1, main)


def test_every_message_is_passed_on_as_it_came() -> None:
    async def test(place: Place) -> None:
        messages = await published(golden(), place.blobs)
        await place.take(*messages)
        mine = {one.message_id for one in messages}
        assert [one for one in await place.passed_on() if one.message_id in mine] == messages

    virtually(test)


def test_an_undecodable_message_is_passed_on_for_the_drain_to_judge() -> None:
    async def test(place: Place) -> None:
        broken = Message(body=b"\x00", message_id="broken")
        await place.take(broken, incident())
        first, *others = await place.passed_on()
        assert (first, len(others)) == (broken, 2)

    virtually(test)


def test_an_incident_is_told_to_the_channels_that_take_it_and_shown_in_the_console() -> None:
    async def test(place: Place) -> None:
        await place.channels(
            channel("desk"),
            channel("everything", topics=["*"]),
            channel("platform", tenant="*"),
            channel("others", tenant="elsewhere"),
            channel("off", enabled=False),
            channel("mail", kind="email"),
            channel("halts", topics=["trading"]),
        )
        await place.take(incident())
        assert {url for url, _, _ in place.webhooks.sent} == {
            "https://desk.example/hook",
            "https://everything.example/hook",
            "https://platform.example/hook",
        }
        _, body, headers = place.webhooks.sent[0]
        assert body["topic"] == "incident.opened"
        assert (body["severity"], body["tenant"], body["account"]) == ("critical", "acme", "a")
        assert headers["Idempotency-Key"] == body["notification"]
        assert await place.types() == [
            "incident.opened",
            "notification.raised",
            *["notification.delivered"] * 3,
        ]

    virtually(test)


def test_a_batch_that_comes_again_is_told_of_once() -> None:
    async def test(place: Place) -> None:
        await place.channels(channel())
        await place.take(incident())
        await place.take(incident(), spool=place.new_spool())
        assert len(place.webhooks.sent) == 1

    virtually(test)


def test_a_channel_that_is_away_is_tried_again_and_then_given_up() -> None:
    async def test(place: Place) -> None:
        await place.channels(channel())
        place.webhooks.down = 2
        await place.take(incident(1))
        assert place.webhooks.calls == 3
        place.webhooks.calls, place.webhooks.down = 0, 100
        began = place.time.monotonic()
        await place.take(incident(2))
        assert place.webhooks.calls == 3
        assert place.time.monotonic() - began < 20
        deliveries = [msgspec.json.decode(one.body) for one in await place.passed_on()]
        ended = [m["payload"] for m in deliveries if m["messageType"] == "notification.delivered"]
        assert [(one["status"], one["attempts"]) for one in ended] == [("sent", 3), ("failed", 3)]
        assert ended[1]["error"] == "nobody there"

    virtually(test)


def test_a_webhook_that_never_answers_costs_twenty_seconds_at_most() -> None:
    async def test(place: Place) -> None:
        await place.channels(channel())

        async def hang(url: str, body: bytes, headers: dict[str, str]) -> int:
            await place.time.sleep(10_000)
            return 200

        place.webhooks.post = hang  # type: ignore[method-assign]
        began = place.time.monotonic()
        await place.take(incident())
        assert place.time.monotonic() - began <= 20
        assert await place.types() == ["incident.opened", "notification.raised"]

    virtually(test)


@pytest.mark.parametrize("broken", [b"nonsense", None])
def test_a_hook_that_fails_never_fails_the_trigger(broken: bytes | None) -> None:
    async def test(place: Place) -> None:
        if broken is not None:
            await place.blobs.put(CHANNELS_BLOB, broken)
        else:

            async def away(name: str) -> bytes:
                raise BlobsUnavailable("away")

            place.blobs.get = away  # type: ignore[method-assign]
        await place.take(incident())
        assert await place.types() == ["incident.opened", "notification.raised"]

    virtually(test)


def test_a_queue_that_is_away_makes_the_batch_come_again() -> None:
    async def test(place: Place) -> None:
        async def away(messages: Any) -> None:
            raise QueueUnavailable("away")

        place.history.send = away  # type: ignore[method-assign]
        with pytest.raises(QueueUnavailable):
            await place.take(incident())
        assert place.webhooks.sent == []

    virtually(test)


def test_a_channel_with_a_secret_gets_a_signed_body() -> None:
    async def test(place: Place) -> None:
        sealed = await Backwards().seal(SECRET, context=channel_context("acme", "desk"))
        await place.channels(channel(sealed=b64encode(sealed).decode()))
        await place.take(incident())
        _, body, headers = place.webhooks.sent[0]
        signed = hmac.new(SECRET, msgspec.json.encode(body), sha256).hexdigest()
        assert headers["X-Kopitra-Signature"] == f"sha256={signed}"

    virtually(test)


def test_a_finding_of_a_timer_goes_the_same_way() -> None:
    async def test(place: Place) -> None:
        await place.channels(channel(topics=["session"]))
        finding = Finding(
            notification="session.silent:a",
            kind="session.silent",
            severity="warning",
            title="An EA is silent",
            detail="a",
        )
        message = finding_message(TENANT, finding, place.time.now())
        await place.take(message)
        assert [body["topic"] for _, body, _ in place.webhooks.sent] == ["session.silent"]
        assert await place.types() == ["notification.raised", "notification.delivered"]

    virtually(test)


def test_what_was_raised_and_delivered_ends_in_sql(tmp_path: Path) -> None:
    async def main(time: VirtualTime) -> None:
        place = Place(time)
        await place.channels(channel())
        halted = TradingHalted(
            scope=HaltScope.FOLLOWER,
            target="a",
            mode=HaltMode.CLOSE_ONLY,
            subject="operator",
            notified=(AccountId("a"),),
        )
        await place.take(incident(1), told(halted, 2))
        await place.take(incident(1), told(halted, 2), spool=place.new_spool())
        hall = Scriptorium(time, tmp_path / "history.sqlite")
        await hall.queues.history.send(await place.passed_on())
        await hall.drain.drain()
        rows = [
            (row["topic"], row["severity"], row["channel"], row["status"], row["attempts"])
            for row in hall.rows()["notifications"]
        ]
        assert sorted(rows, key=str) == [
            ("incident.opened", "critical", "desk", "sent", 1),
            ("incident.opened", "critical", None, "raised", 0),
            ("trading.halted", "critical", "desk", "sent", 1),
            ("trading.halted", "critical", None, "raised", 0),
        ]
        hall.close()

    run_virtual(1, main)
