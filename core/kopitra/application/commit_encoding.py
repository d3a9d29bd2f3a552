"""How the frames of one commit become bytes, alike in every journal and in sealed segments.

Layout, little-endian: `HEADER` (format, flags, crc32 of the rest, frame count, bytes of the body before compression),
then the body, zlib-compressed when that is smaller: one `ENTRY` (first sequence, last − first, data length) a frame,
then every frame's data in the same order.
"""

import struct
import zlib
from collections.abc import Sequence

from kopitra.application.ports.journal import (
    COMMIT_BYTES,
    FRAME_OVERHEAD_BYTES,
    Commit,
    Frame,
    FrameRefused,
    FrameTooLarge,
)

HEADER = struct.Struct("<BBIII")
ENTRY = struct.Struct("<QQI")
FORMAT = 1
COMPRESSED = 1
COMPRESS_FROM_BYTES = 128
"""Shorter bodies are stored as they are: zlib gains nothing on them."""
COMPRESSION_LEVEL = 1
"""Measured on event-like data: level 6 saves 10 % more bytes for twice the time, in the path of every reply."""

SMALL_BODY_BYTES = 4096
"""Up to this size, a window of as many bytes sees the whole body."""
SMALL_WINDOW_BITS, SMALL_MEMORY = 12, 5
"""zlib's full window costs 35 µs to set up before the first byte, these 5 µs, and a small body shrinks alike."""

COMMIT_ROOM = COMMIT_BYTES - HEADER.size
"""What the costs of one commit's frames may add up to."""


class CommitDamaged(Exception):
    """These bytes are not a whole commit."""


def frame_cost(frame: Frame) -> int:
    """Upper bound of a frame's bytes in a commit."""
    return len(frame.data) + FRAME_OVERHEAD_BYTES


def check_order(after: int, frames: Sequence[Frame]) -> None:
    """Raise `FrameRefused` unless there are frames and their sequences go up from above `after`."""
    if not frames:
        raise FrameRefused("a commit holds at least one frame")
    for frame in frames:
        if not after < frame.sequence <= frame.last:
            raise FrameRefused(f"frame {frame.sequence}..{frame.last} cannot follow sequence {after}")
        after = frame.last


def admit(frames: Sequence[Frame]) -> None:
    """Raise `FrameTooLarge` when these frames can never be one commit; compresses only when it must to know."""
    if sum(map(frame_cost, frames)) > COMMIT_ROOM:
        encode_commit(frames)


def encode_commit(frames: Sequence[Frame]) -> bytes:
    """The commit's bytes, at most `COMMIT_BYTES`. Raises `FrameTooLarge`."""
    entries = [ENTRY.pack(frame.sequence, frame.last - frame.sequence, len(frame.data)) for frame in frames]
    body = b"".join([*entries, *(frame.data for frame in frames)])
    size, flags = len(body), 0
    if size >= COMPRESS_FROM_BYTES:
        compressed = _compressed(body)
        if len(compressed) < size:
            body, flags = compressed, COMPRESSED
    if len(body) > COMMIT_ROOM:
        raise FrameTooLarge(frames[0].sequence, len(body), COMMIT_ROOM)
    return HEADER.pack(FORMAT, flags, zlib.crc32(body), len(frames), size) + body


def _compressed(body: bytes) -> bytes:
    if len(body) > SMALL_BODY_BYTES:
        return zlib.compress(body, COMPRESSION_LEVEL)
    small = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, SMALL_WINDOW_BITS, SMALL_MEMORY)
    return small.compress(body) + small.flush()


def decode_commit(content: bytes) -> Commit:
    """The frames of a commit. Raises `CommitDamaged`."""
    body, count = _body(content)
    at = count * ENTRY.size
    frames: list[Frame] = []
    for first, span, length in ENTRY.iter_unpack(body[:at]):
        frames.append(Frame(first, first + span, body[at : at + length]))
        at += length
    if at != len(body):
        raise CommitDamaged("the frames do not fill the commit")
    return tuple(frames)


def _body(content: bytes) -> tuple[bytes, int]:
    if len(content) < HEADER.size:
        raise CommitDamaged("shorter than its header")
    version, flags, checksum, count, size = HEADER.unpack_from(content)
    body = content[HEADER.size :]
    if version != FORMAT:
        raise CommitDamaged(f"format {version} is unknown")
    if zlib.crc32(body) != checksum:
        raise CommitDamaged("checksum differs")
    if flags & COMPRESSED:
        body = _decompressed(body)
    if len(body) != size or count * ENTRY.size > size:
        raise CommitDamaged("length differs")
    return body, count


def _decompressed(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise CommitDamaged(str(error)) from error
