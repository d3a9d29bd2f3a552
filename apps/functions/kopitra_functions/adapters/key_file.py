"""Wrapping keys in a file that only its owner reads: what stands in for a key vault on one machine."""

import asyncio
import os
import stat
from base64 import b64decode, b64encode
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from kopitra_functions.credentials.wrapping import Wrapped, WrappingKeyUnknown

KEY_BYTES = 32
ID_BYTES = 8
OWNER_ONLY = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileRefused(Exception):
    """The key file can be read by others, or is none."""

    code = "key_file_refused"


class _Key(msgspec.Struct, frozen=True):
    id: str
    key: str


class _File(msgspec.Struct, frozen=True):
    """The last key wraps; the others only unwrap."""

    keys: list[_Key]


class KeyFile:
    """`kopitra_functions.credentials.wrapping.WrappingKey`. The file is made when it is first needed, and read once;
    AES key wrap (RFC 3394) says whether a key wrapped a thing. Raises KeyFileRefused, OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, bytes] = {}

    async def current(self) -> str:
        return list(await self._loaded())[-1]

    async def wrap(self, data_key: bytes) -> Wrapped:
        key_id, key = list((await self._loaded()).items())[-1]
        return Wrapped(key_id, aes_key_wrap(key, data_key))

    async def unwrap(self, wrapped: Wrapped) -> bytes:
        key = (await self._loaded()).get(wrapped.key_id)
        if key is None:
            raise WrappingKeyUnknown(f"{self._path.name} has no key {wrapped.key_id!r}")
        try:
            return aes_key_unwrap(key, wrapped.data_key)
        except (InvalidUnwrap, ValueError) as error:
            raise WrappingKeyUnknown(f"not wrapped by the key {wrapped.key_id!r}") from error

    async def close(self) -> None:
        """Nothing is held."""

    async def _loaded(self) -> dict[str, bytes]:
        if not self._keys:
            self._keys = await asyncio.to_thread(_load, self._path)
        return self._keys


def rotate(path: Path) -> str:
    """Adds a key that wraps from the next start on, and gives its id; what older ones wrapped opens as before."""
    keys = _load(path) if path.exists() else {}
    key_id = _add(keys)
    fresh = _written_aside(path, keys)
    os.replace(fresh, path)
    return key_id


def _load(path: Path) -> dict[str, bytes]:
    if not path.exists():
        _make(path)
    _refuse_exposed(path)
    try:
        read = msgspec.json.decode(path.read_bytes(), type=_File)
        keys = {each.id: b64decode(each.key, validate=True) for each in read.keys}
    except (msgspec.MsgspecError, ValueError) as error:
        raise KeyFileRefused(f"{path} is no key file") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise KeyFileRefused(f"{path} is no key file")
    return keys


def _refuse_exposed(path: Path) -> None:
    """Windows keeps rights elsewhere; there the folder must do."""
    if os.name != "nt" and path.stat().st_mode & OTHERS:
        mode = stat.filemode(path.stat().st_mode)
        raise KeyFileRefused(
            f"{path} can be used by others ({mode}): chmod 600 it, and consider its keys known"
        )


def _make(path: Path) -> None:
    """Of several that make it at once, the first wins and the others take what it made."""
    keys: dict[str, bytes] = {}
    _add(keys)
    fresh = _written_aside(path, keys)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _add(keys: dict[str, bytes]) -> str:
    key_id = os.urandom(ID_BYTES).hex()
    keys[key_id] = os.urandom(KEY_BYTES)
    return key_id


def _written_aside(path: Path, keys: dict[str, bytes]) -> Path:
    """A whole file beside `path`, on the disk, that nobody else can read at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.urandom(ID_BYTES).hex()}")
    content = msgspec.json.encode(_File([_Key(id_, b64encode(key).decode()) for id_, key in keys.items()]))
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return aside
