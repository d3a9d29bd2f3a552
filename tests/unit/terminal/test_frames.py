"""Messages come out of a byte stream whole and in order, however the stream was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra_terminal.frames import LENGTH, MAX_FRAME_BYTES, FrameBuffer, FrameTooLong, framed


@given(messages=st.lists(st.binary(max_size=50), max_size=10), piece=st.integers(1, 30))
def test_messages_survive_any_cutting_of_the_stream(messages: list[bytes], piece: int) -> None:
    stream = b"".join(framed(message) for message in messages)
    buffer = FrameBuffer()
    received: list[bytes] = []
    for start in range(0, len(stream), piece):
        received += buffer.feed(stream[start : start + piece])
    assert received == messages


def test_a_length_that_cannot_be_ours_is_refused() -> None:
    with pytest.raises(FrameTooLong):
        FrameBuffer().feed(LENGTH.pack(MAX_FRAME_BYTES + 1))
