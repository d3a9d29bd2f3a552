"""Snapshots hold the whole state, account by account, and a hash says whether two states are the same."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId, JournalId
from kopitra.machine.events import HaltMode
from kopitra.machine.replay import new_state
from kopitra.machine.state import SKIPPED_IN_SNAPSHOTS, Account, State, Subscription
from kopitra.machine.state_codec import (
    SnapshotUnreadable,
    decode_state,
    encode_account,
    encode_parts,
    encode_state,
    state_hash,
)
from kopitra.simulation.draws import SeededDraws
from tests.unit.machine.driven import JOURNAL, TENANT, leader_and_follower, open_session
from tests.unit.machine.random_trading import TradingWorld

ROOT = Path(__file__).resolve().parents[3]
HASH_OF_A_WALK = """
from kopitra.machine.state_codec import STATE_FORMAT, state_hash
from tests.unit.machine.test_state_codec import traded
print(STATE_FORMAT, state_hash(traded().machine.state))
"""


def traded() -> TradingWorld:
    """A state with something in every corner."""
    world = TradingWorld(SeededDraws(42))
    world.set_up()
    for _ in range(1000):
        world.step()
    return world


def in_another_process(hash_seed: str) -> str:
    """State format and hash of the same walk, where strings hash otherwise."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", HASH_OF_A_WALK],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_a_snapshot_gives_the_state_back_with_its_indexes():
    state = traded().machine.state
    again = decode_state(encode_state(state))
    again.grown = state.grown
    assert again == state


def test_a_snapshot_keeps_the_order_in_which_the_oldest_is_forgotten():
    state = traded().machine.state
    again = decode_state(encode_state(state))
    for account in state.accounts.values():
        assert list(again.accounts[account.account].keys) == list(account.keys)


def test_a_snapshot_can_be_written_account_by_account():
    state = traded().machine.state
    parts = list(encode_parts(state))
    assert b"".join(parts) == encode_state(state)
    assert parts[2:] == [encode_account(account) for account in state.accounts.values()]


def test_encoding_does_not_empty_the_indexes_of_the_state_itself():
    state = traded().machine.state
    by_leader, queues = dict(state.by_leader), [list(a.queue) for a in state.accounts.values()]
    encode_state(state)
    state_hash(state)
    assert state.by_leader == by_leader
    assert [a.queue for a in state.accounts.values()] == queues


def test_every_named_index_is_a_field():
    assert {State, Account, Subscription} == set(SKIPPED_IN_SNAPSHOTS)
    for part, names in SKIPPED_IN_SNAPSHOTS.items():
        assert names <= set(part.__struct_fields__)


def test_an_empty_state_has_a_snapshot_too():
    state = new_state(JournalId("j"), "s")
    assert decode_state(encode_state(state)) == state


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 50, -1])
def test_a_snapshot_that_is_cut_short_is_refused(cut: int):
    with pytest.raises(SnapshotUnreadable):
        decode_state(encode_state(traded().machine.state)[:cut])


def test_a_snapshot_that_lacks_a_whole_account_is_refused():
    parts = list(encode_parts(traded().machine.state))
    with pytest.raises(SnapshotUnreadable, match="4 of 5 accounts"):
        decode_state(b"".join(parts[:-1]))


def test_a_snapshot_of_another_shape_is_refused():
    content = encode_state(leader_and_follower().state)
    head = msgspec.msgpack.encode(["another", 2])
    other = len(head).to_bytes(4, "big") + head
    start = 4 + int.from_bytes(content[:4], "big")
    with pytest.raises(SnapshotUnreadable, match="another shape"):
        decode_state(other + content[start:])


def test_what_is_no_snapshot_is_refused():
    with pytest.raises(SnapshotUnreadable):
        decode_state(b"\x00\x00\x00\x02no snapshot at all")


def test_the_hash_does_not_depend_on_the_order_in_which_things_were_entered():
    first, second = new_state(JOURNAL, "s"), new_state(JOURNAL, "s")
    accounts = [Account(account=AccountId(name), tenant=TENANT, revision=1) for name in "ab"]
    for state, order in ((first, accounts), (second, accounts[::-1])):
        for account in order:
            state.accounts[account.account] = account
    assert state_hash(first) == state_hash(second)


def test_the_hash_knows_every_difference():
    machine = leader_and_follower()
    machine.done(open_session())
    seen = {state_hash(machine.state)}
    session = machine.account().session
    assert session is not None
    session.nonce = "other"
    seen.add(state_hash(machine.state))
    machine.account().balance_deals.add("1")
    seen.add(state_hash(machine.state))
    machine.state.halts["platform:*"] = HaltMode.FLATTEN
    seen.add(state_hash(machine.state))
    machine.state.sequence += 1
    seen.add(state_hash(machine.state))
    assert len(seen) == 5


def test_hash_and_format_are_the_same_in_processes_where_strings_hash_otherwise():
    first = in_another_process("1")
    assert first == in_another_process("2")
    assert state_hash(traded().machine.state) in first
