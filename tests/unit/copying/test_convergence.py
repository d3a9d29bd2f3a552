"""Whatever a follower's book has become, reconciliation makes it agree again in a bounded number of rounds."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealReason
from kopitra.domain.rules import CopyRules, Corrections, ManualClose
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import SignalAction
from kopitra.machine.commands import DecideProposal
from kopitra.machine.state import FIRST_MAGIC, Copy
from tests.unit.copying.follower_terminal import Terminal, in_touch, proposals, sign_in
from tests.unit.copying.world import LEADER, World, lots

MOST_ROUNDS = 8
"""Volume, stops and a fresh open of one copy, two snapshots each, and one round in which nothing is left to do."""


def larger(terminal: Terminal, copy: Copy) -> None:
    terminal.change(copy, volume=terminal.position_of(copy).volume + lots("0.37"))


def smaller(terminal: Terminal, copy: Copy) -> None:
    terminal.change(copy, volume=max(lots("0.01"), terminal.position_of(copy).volume - lots("0.37")))


def closed_in_part(terminal: Terminal, copy: Copy) -> None:
    terminal.close_by_hand(copy, volume="0.05")


def stops_taken_off(terminal: Terminal, copy: Copy) -> None:
    terminal.change(copy, stop_loss=None, take_profit=None)


def stops_moved(terminal: Terminal, copy: Copy) -> None:
    terminal.change(copy, stop_loss=lots("1.01"))


def closed_by_hand(terminal: Terminal, copy: Copy) -> None:
    terminal.close_by_hand(copy)


def stopped_out(terminal: Terminal, copy: Copy) -> None:
    terminal.close_by_hand(copy, DealReason.STOP_LOSS)


def vanished(terminal: Terminal, copy: Copy) -> None:
    del terminal.positions[terminal.position_of(copy).ticket]


def doubled(terminal: Terminal, copy: Copy) -> None:
    twin = terminal.open_by_hand("1", magic=copy.magic)
    assert twin.position_id != copy.position_id


def ticket_changed(terminal: Terminal, copy: Copy) -> None:
    held = terminal.positions.pop(terminal.position_of(copy).ticket)
    moved = terminal.open_by_hand(str(held.volume), magic=held.magic, stop_loss=held.stop_loss)
    terminal.positions[moved.ticket] = moved


def larger_without_stops(terminal: Terminal, copy: Copy) -> None:
    larger(terminal, copy)
    stops_taken_off(terminal, copy)


def untouched(terminal: Terminal, copy: Copy) -> None:
    """Most copies of most books."""


Damage = Callable[[Terminal, Copy], None]
DAMAGES: tuple[Damage, ...] = (
    larger,
    smaller,
    closed_in_part,
    stops_taken_off,
    stops_moved,
    closed_by_hand,
    stopped_out,
    vanished,
    doubled,
    ticket_changed,
    larger_without_stops,
    untouched,
)


def book(world: World, rules: CopyRules, trades: int, halved: int) -> Terminal:
    """Copies of so many trades, the first few of which the leader has halved."""
    follower = world.follower("follower", rules)
    for account in (LEADER, follower):
        sign_in(world, account)
    terminal = Terminal(world, follower)
    for number in range(trades):
        world.send(SignalAction.OPEN, f"p{number}", stop_loss=lots("1.05"), take_profit=lots("1.20"))
        terminal.obey()
    for number in range(min(halved, trades)):
        world.send(SignalAction.PARTIAL_CLOSE, f"p{number}", volume=lots("0.5"), volume_after=lots("0.5"))
        terminal.obey()
    return terminal


def round_of(world: World, terminal: Terminal) -> int:
    """Two snapshots that agree, an operator who approves of everything, an EA that obeys; how much happened."""
    before = len(world.history)
    for _ in range(2):
        world.later(6)
        in_touch(world, LEADER, terminal.account)
        world.account(LEADER)
        world.account(terminal.account)
        terminal.show()
        world.tick()
    for proposal in proposals(world, terminal.account):
        world.ask(
            DecideProposal(account=terminal.account, proposal=proposal.proposal, approve=True, subject="olga")
        )
    terminal.obey()
    return len(world.history) - before


def live(world: World, account: AccountId) -> list[Copy]:
    return [copy for copy in world.state.accounts[account].following.copies.values() if copy.live]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=12),
    st.integers(0, 3),
    st.sampled_from(tuple(Corrections)),
    st.sampled_from(tuple(ManualClose)),
)
def test_any_divergence_converges_in_bounded_rounds(
    damages: list[Damage], halved: int, corrections: Corrections, manual_close: ManualClose
) -> None:
    world = World()
    rules = CopyRules(sizing=SameVolume(), corrections=corrections, manual_close=manual_close)
    terminal = book(world, rules, len(damages), halved)
    copies = list(world.state.accounts[terminal.account].following.copies.values())
    for copy, damage in zip(copies, damages, strict=True):
        damage(terminal, copy)
    rounds = 0
    while round_of(world, terminal):
        rounds += 1
        assert rounds <= MOST_ROUNDS + damages.count(closed_by_hand), "it does not come to rest"
    assert_agreed(world, terminal)


def assert_agreed(world: World, terminal: Terminal) -> None:
    """Every copy holds one position, as large as is believed and no larger than its share, with its leader's stops; no
    other position carries a magic number of ours."""
    account = world.state.accounts[terminal.account]
    leading = world.state.accounts[LEADER].leading
    owned: set[int] = set()
    for copy in live(world, terminal.account):
        held = terminal.position_of(copy)
        position = leading.positions[copy.position_ref]
        owned.add(held.ticket)
        assert held.volume == copy.live_volume
        assert Decimal(0) < held.volume <= position.volume
        assert (held.stop_loss, held.take_profit) == (lots("1.05"), lots("1.20"))
    ours = {ticket for ticket, held in terminal.positions.items() if held.magic >= FIRST_MAGIC}
    assert ours == owned
    assert account.proposals == {}
    assert account.incidents == {}
    assert account.following.doubts == {}
    assert world.outbox(terminal.account) == []
