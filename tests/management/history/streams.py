"""Real streams of messages: what journals of random worlds and of a simulated platform make the relay publish."""

from collections.abc import Iterable, Mapping, Sequence

from kopitra.application.event_publishing import Place, outgoing
from kopitra.application.ports.queue import Message
from kopitra.domain.identifiers import AccountId, JournalId, TenantId
from kopitra.domain.orders import Side
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import AccountConfigured, Recorded
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.settings import Role
from tests.golden.journals import read_frames, releases
from tests.simulation.platform import LEADER, SimulatedPlatform

PLACE = Place(JournalId("a" * 32), "s0")


def golden() -> list[Recorded]:
    """Every event type there is, of two thousand random steps."""
    return [EVENTS.decode(frame.data) for frame in read_frames(releases()[-1])]


def tenants_in(events: Iterable[Recorded]) -> dict[AccountId, TenantId]:
    configured = (recorded.event for recorded in events)
    return {event.account: event.tenant for event in configured if isinstance(event, AccountConfigured)}


async def published(
    events: Sequence[Recorded], blobs: MemoryBlobs, tenants: Mapping[AccountId, TenantId] | None = None
) -> list[Message]:
    """As the relay sends them."""
    known = tenants if tenants is not None else tenants_in(events)
    messages: list[Message] = []
    previous = 0
    for recorded in events:
        told = outgoing(recorded, PLACE, known, previous)
        if told is None:
            continue
        if told.large is not None:
            await blobs.put(told.large.name, told.large.content)
        messages.append(told.message)
        previous = recorded.last
    return messages


async def played(time: VirtualTime) -> SimulatedPlatform:
    """One leader and two followers: trades opened, partly closed and closed, and a counterparty that crashes."""
    platform = SimulatedPlatform(time)
    platform.party(LEADER, Role.LEADER)
    rules = {
        "same": {"sizing": {"mode": "same_volume"}},
        "half": {"sizing": {"mode": "multiplier"}, "multiplier": "0.5"},
    }
    for follower in rules:
        platform.party(follower, Role.FOLLOWER)
    platform.start_counterparty()
    await platform.configure(rules)
    platform.quote("EURUSD", "1.10000", "1.10010")
    for name in platform.parties:
        platform.start_agent(name)
    await time.sleep(10)
    followers = [platform.parties[name] for name in rules]
    for volume in ("1", "0.6", "0.2"):
        platform.open_by_hand(LEADER, Side.BUY, volume)
        await time.sleep(0.5)
    await platform.until(lambda: all(len(f.positions) == 3 for f in followers))
    platform.quote("EURUSD", "1.10100", "1.10110")
    first, second, _ = platform.parties[LEADER].positions
    platform.by_hand(LEADER, position=first.ticket, side=Side.SELL, volume=first.volume)
    platform.by_hand(LEADER, position=second.ticket, side=Side.SELL, volume=second.volume / 2)
    await time.sleep(0.02)
    platform.crash_counterparty()
    platform.open_by_hand(LEADER, Side.SELL, "0.3")
    await time.sleep(3)
    platform.start_counterparty()
    await platform.until(lambda: all(len(f.positions) == 3 for f in followers))
    await time.sleep(30)
    return platform
