"""Commits as bytes: every frame comes back, and damage never passes for data."""

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.application.commit_encoding import (
    COMMIT_ROOM,
    HEADER,
    CommitDamaged,
    admit,
    check_order,
    decode_commit,
    encode_commit,
    frame_cost,
)
from kopitra.application.ports.journal import COMMIT_BYTES, Frame, FrameRefused, FrameTooLarge


@st.composite
def ordered_frames(draw: st.DrawFn) -> tuple[Frame, ...]:
    frames: list[Frame] = []
    last = 0
    for _ in range(draw(st.integers(1, 8))):
        first = last + draw(st.integers(1, 2**40))
        last = first + draw(st.integers(0, 2**40))
        data = draw(st.binary(max_size=40)) * draw(st.integers(0, 40))
        frames.append(Frame(first, last, data))
    return tuple(frames)


@given(ordered_frames())
def test_frames_come_back_as_they_were(frames: tuple[Frame, ...]):
    check_order(0, frames)
    encoded = encode_commit(frames)
    assert decode_commit(encoded) == frames
    assert len(encoded) <= sum(map(frame_cost, frames)) + HEADER.size


@given(ordered_frames(), st.data())
def test_a_changed_byte_is_noticed(frames: tuple[Frame, ...], data: st.DataObject):
    encoded = bytearray(encode_commit(frames))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_commit(bytes(encoded))
    except CommitDamaged:
        return
    assert decoded == frames, "only a bit that means nothing may pass"


@given(ordered_frames(), st.data())
def test_a_cut_commit_is_noticed(frames: tuple[Frame, ...], data: st.DataObject):
    encoded = encode_commit(frames)
    with pytest.raises(CommitDamaged):
        decode_commit(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


def test_lengths_that_contradict_each_other_are_noticed():
    body = b"\0" * 20
    for count, size in ((1, 21), (2, 20), (0, 20)):
        header = HEADER.pack(1, 0, zlib.crc32(body), count, size)
        with pytest.raises(CommitDamaged):
            decode_commit(header + body)


def test_a_body_that_says_it_is_compressed_and_is_not_is_noticed():
    body = b"plain"
    with pytest.raises(CommitDamaged):
        decode_commit(HEADER.pack(1, 1, zlib.crc32(body), 1, 5) + body)


def test_what_repeats_is_stored_in_a_fraction():
    frames = [Frame(n, n, b'{"type":"position.seen","volume":"0.10"}') for n in range(1, 101)]
    assert len(encode_commit(frames)) < sum(len(frame.data) for frame in frames) / 8


def test_costs_within_the_room_always_fit_a_commit():
    frames = [Frame(n, n, os.urandom(COMMIT_ROOM // 3 - frame_cost(Frame(1, 1, b"")))) for n in (1, 2, 3)]
    assert sum(map(frame_cost, frames)) <= COMMIT_ROOM
    admit(frames)
    assert len(encode_commit(frames)) <= COMMIT_BYTES


def test_frames_beyond_the_room_are_admitted_only_when_they_compress():
    admit([Frame(1, 1, b"again " * COMMIT_BYTES)])
    with pytest.raises(FrameTooLarge) as refusal:
        admit([Frame(7, 7, os.urandom(COMMIT_BYTES))])
    assert refusal.value.sequence == 7
    assert refusal.value.size > refusal.value.limit == COMMIT_ROOM


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [Frame(0, 0, b"")],
        [Frame(5, 5, b"")],
        [Frame(6, 6, b""), Frame(6, 6, b"")],
        [Frame(8, 7, b"")],
        [Frame(6, 9, b""), Frame(9, 9, b"")],
    ],
)
def test_order_is_checked_against_what_came_before(frames: list[Frame]):
    with pytest.raises(FrameRefused):
        check_order(5, frames)
