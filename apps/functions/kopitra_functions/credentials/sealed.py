"""The sealed form: version 1 | lengths and bytes of key id and wrapped data key | nonce | ciphertext and tag."""

import struct

import msgspec

from kopitra_functions.credentials.wrapping import Wrapped
from kopitra_functions.ports import CredentialUnreadable

VERSION = 1
NONCE_BYTES = 12
"""AES-GCM's own."""
TAG_BYTES = 16
_head = struct.Struct(">BHH")


class Sealed(msgspec.Struct, frozen=True):
    wrapped: Wrapped
    nonce: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        key_id = self.wrapped.key_id.encode()
        head = _head.pack(VERSION, len(key_id), len(self.wrapped.data_key))
        return b"".join((head, key_id, self.wrapped.data_key, self.nonce, self.ciphertext))


def decode(sealed: bytes) -> Sealed:
    """Raises CredentialUnreadable."""
    if len(sealed) < _head.size or sealed[0] != VERSION:
        raise CredentialUnreadable(f"not sealed by this version ({sealed[:1].hex() or 'nothing'})")
    _, id_length, key_length = _head.unpack_from(sealed)
    key_at = _head.size + id_length
    nonce_at = key_at + key_length
    text_at = nonce_at + NONCE_BYTES
    if len(sealed) < text_at + TAG_BYTES:
        raise CredentialUnreadable("the sealed bytes are cut off")
    try:
        key_id = sealed[_head.size : key_at].decode()
    except UnicodeDecodeError as error:
        raise CredentialUnreadable("the sealed bytes are damaged") from error
    wrapped = Wrapped(key_id, sealed[key_at:nonce_at])
    return Sealed(wrapped, sealed[nonce_at:text_at], sealed[text_at:])
