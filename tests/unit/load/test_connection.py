"""What the load generator takes for a whole answer."""

import pytest

from tests.load.generator.connection import whole_reply

HEAD = b"HTTP/1.1 202 \r\ncontent-type: application/json\r\ncontent-length: 5\r\ndate: today\r\n\r\n"


def test_an_answer_is_whole_once_its_last_byte_is_there() -> None:
    whole = HEAD + b"12345"
    assert [whole_reply(whole[:end]) for end in range(len(whole))] == [None] * len(whole)
    reply = whole_reply(whole)
    assert reply is not None
    assert (reply.status, reply.body) == (202, b"12345")


def test_the_length_may_be_the_last_header_in_any_case() -> None:
    reply = whole_reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert reply is not None
    assert reply.body == b"ok"


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="not found"):
        whole_reply(b"HTTP/1.1 200 OK\r\n\r\n")
