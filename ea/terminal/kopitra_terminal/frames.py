"""Messages on a byte stream: four bytes of length, big-endian, then the message."""

import struct

LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = 256 * 1024 * 1024
"""A whole ledger of a million deals fits; a length above it is not ours."""


class FrameTooLong(Exception):
    """The other side does not speak this protocol."""


def framed(message: bytes) -> bytes:
    return LENGTH.pack(len(message)) + message


class FrameBuffer:
    """Collects bytes as they arrive and gives back whole messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completed. Raises FrameTooLong."""
        self._bytes += data
        messages: list[bytes] = []
        start = 0
        while len(self._bytes) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._bytes, start)
            if length > MAX_FRAME_BYTES:
                raise FrameTooLong(f"a frame of {length} bytes")
            end = start + LENGTH.size + length
            if len(self._bytes) < end:
                break
            messages.append(bytes(self._bytes[start + LENGTH.size : end]))
            start = end
        del self._bytes[:start]
        return messages
