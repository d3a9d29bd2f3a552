"""Ids are pure functions of what they identify."""

from base64 import b32encode
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.identifiers import DIGEST_BYTES, derived_id


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_an_id_is_the_base32_of_its_parts_digest(parts: list[str]) -> None:
    digest = blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
    try:
        made = derived_id("c-", *parts)
    except UnicodeEncodeError:
        return
    assert made == "c-" + b32encode(digest).decode().lower()


def test_parts_are_joined_unambiguously() -> None:
    assert derived_id("c-", "ab", "c") != derived_id("c-", "a", "bc")
