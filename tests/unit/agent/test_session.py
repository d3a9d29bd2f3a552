"""How an agent comes by its session, keeps it, and gives it back."""

import msgspec
import pytest

from kopitra.domain.trading import AckStatus
from kopitra.protocol import headers
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.link.enrolment import EnrolmentRefused, NoSecret
from kopitra_agent.ports.transport import Request
from kopitra_agent.settings import Role
from tests.unit.agent.counterparty import ACCOUNT, CODE, SECRET, problem
from tests.unit.agent.mortality import Mortality
from tests.unit.agent.scene import Scene, order, play


def sessions(scene: Scene) -> list[tuple[float, Request]]:
    return [(at, r) for at, r in scene.server.calls if r.path.endswith("/sessions")]


def keys(scene: Scene) -> list[str]:
    return [r.headers[headers.IDEMPOTENCY_KEY] for _, r in sessions(scene)]


async def served(scene: Scene, number: int = 1) -> None:
    item = scene.server.command(order(number))
    await scene.until(lambda: item.retired)
    assert scene.server.status_of(item) is AckStatus.EXECUTED


def test_an_attempt_that_got_no_answer_is_repeated_with_the_same_key_and_body():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.server.fail("/sessions", "lost_answer", "lost_request", 503)
        async with scene.running():
            await served(scene)
        assert len(set(keys(scene))) == 1
        assert len({r.body for _, r in sessions(scene)}) == 1
        assert scene.server.sessions == 1

    play(main)


def test_a_held_lease_is_waited_for_as_long_as_asked_with_a_new_key():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.server.session_refusals.append(problem(409, "session_lease_held", retryAfterSeconds=45))
        async with scene.running():
            await served(scene)
        [(first, _), (second, _)] = sessions(scene)
        assert second - first >= 45
        assert len(set(keys(scene))) == 2

    play(main)


def test_a_wrong_secret_is_tried_seldom_and_never_ends_the_agent():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.server.session_refusals.extend([problem(401, "credentials_invalid")] * 2)
        scene.server.session_refusals.append(problem(429, "too_many", retry_after=60))
        async with scene.running():
            await served(scene)
        times = [at for at, _ in sessions(scene)]
        assert [b - a >= least for a, b, least in zip(times, times[1:], (15, 15, 60), strict=False)] == [
            True
        ] * 3

    play(main)


def test_a_dead_token_opens_a_new_session_and_the_report_goes_on_under_its_key():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await served(scene)
            scene.server.token = "of another session"
            await served(scene, 2)
        assert scene.server.sessions == 2
        assert len(scene.broker.deals) == 2

    play(main)


def test_the_session_is_released_at_the_end_so_that_another_device_need_not_wait():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await served(scene)
        assert scene.server.released
        [release] = scene.server.posts("/release")
        assert release.headers[headers.IDEMPOTENCY_KEY]

    play(main)


def test_every_call_names_the_account_and_every_post_has_a_key():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await served(scene)
        for _, request in scene.server.calls:
            assert request.headers[headers.ACCOUNT] == ACCOUNT
            assert (headers.IDEMPOTENCY_KEY in request.headers) == (request.method == "POST")

    play(main)


def test_a_device_enrols_once_and_keeps_its_secret():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, secret=None, enrolment_code=CODE)
        async with scene.running():
            await served(scene)
        async with scene.running():
            await served(scene, 2)
        assert len(scene.server.posts("/enrolments")) == 1
        assert msgspec.json.decode(scene.disk.files["secret.json"])["secret"] == SECRET

    play(main)


def test_a_crash_between_enrolment_and_keeping_the_secret_does_not_waste_the_code():
    """The key of the attempt was kept, so the same answer comes again."""

    async def main(world: VirtualTime) -> None:
        for fatal in range(1, 25):
            scene = Scene(world, secret=None, enrolment_code=CODE)
            mortality = Mortality(fatal)
            await scene.live(mortality, lambda s=scene: s.server.sessions == 1)
            async with scene.running():
                await served(scene)
            assert scene.server.code_spent

    play(main)


def test_a_spent_code_ends_the_agent_with_a_sentence():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, secret=None, enrolment_code="not the code")
        with pytest.raises(EnrolmentRefused):
            async with scene.running():
                await world.sleep(10)

    play(main)


def test_without_secret_and_code_there_is_nothing_to_begin_with():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, secret=None)
        with pytest.raises(NoSecret):
            async with scene.running():
                await world.sleep(10)

    play(main)


def test_a_pending_session_keeps_its_signals_until_it_is_approved():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, Role.LEADER)
        scene.server.session_status = "pending"
        async with scene.running():
            await scene.until(lambda: scene.server.told)
            scene.broker.open()
            await world.sleep(20)
            assert scene.server.signals == {}
            scene.server.post("session.approved", {})
            await scene.until(lambda: scene.server.signals)
        [signal] = scene.server.signals.values()
        assert 19_000 < signal.age_ms < 30_000

    play(main)


def test_a_server_that_is_away_is_found_again_soon():
    """A thousand agents must be served again within ten seconds of a restart."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await served(scene)
            scene.server.down = True
            await world.sleep(300)
            scene.server.down = False
            began = world.monotonic()
            await served(scene, 2)
            assert world.monotonic() - began < 8

    play(main)
