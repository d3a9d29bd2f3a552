"""The journals that the bench starts services on: made by the machine, and as a service would have left them."""

from datetime import UTC, datetime
from pathlib import Path

from kopitra.application.tokens import token_hash
from kopitra.domain.identifiers import AccountId
from kopitra.machine.replay import new_state, replay
from kopitra.machine.state import CopyStatus, State
from kopitra.machine.state_codec import state_hash
from tests.load.cast import Casting
from tests.load.scribe import COMMIT_EVENTS, Scribe, scribe
from tests.load.traffic import STEPS, Traffic

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FOLLOWERS = 3


async def replayed(writer: Scribe) -> State:
    """The state that the written journal gives."""
    journal = writer.journal
    commits = [commit async for commit in journal.read()]
    assert max(map(len, commits)) <= COMMIT_EVENTS
    state = new_state(journal.journal_id, journal.shard)
    return replay(state, (frame for commit in commits for frame in commit))


async def test_seats_have_live_sessions_for_their_tokens(tmp_path: Path) -> None:
    async with scribe(tmp_path, NOW) as writer:
        casting = Casting(writer)
        leader, follower = casting.seat("leader"), casting.seat("follower")
        casting.copy(leader, [follower])
        await writer.write()
        state = await replayed(writer)
    for seat in (leader, follower):
        session = state.accounts[AccountId(seat.account)].session
        assert session is not None
        assert session.token_hash == token_hash(seat.token)
    assert len(state.by_leader[AccountId("leader")]) == 1


async def test_a_round_of_traffic_is_copied_reported_and_acknowledged(tmp_path: Path) -> None:
    async with scribe(tmp_path, NOW) as writer:
        traffic = Traffic(writer, FOLLOWERS)
        before = writer.events
        traffic.signal()
        # A plan and its answer; a fill, its answer, an acknowledgement and its answer for each follower.
        assert writer.events - before == 2 + 4 * FOLLOWERS
        for number in range(FOLLOWERS):
            account = writer.state.accounts[AccountId(f"follower-{number}")]
            (copy,) = account.following.copies.values()
            assert copy.status is CopyStatus.OPEN
            assert str(copy.live_volume) == "0.50"
            assert not account.outbox
        for _ in STEPS[1:]:
            traffic.signal()
        assert not any(account.following.copies for account in writer.state.accounts.values())


async def test_what_is_written_gives_the_same_state_again(tmp_path: Path) -> None:
    async with scribe(tmp_path, NOW) as writer:
        traffic = Traffic(writer, FOLLOWERS)
        for _ in range(3 * len(STEPS)):
            traffic.signal()
        assert await writer.snapshot() > 0
        traffic.signal()
        await writer.write()
        assert state_hash(await replayed(writer)) == state_hash(writer.state)
