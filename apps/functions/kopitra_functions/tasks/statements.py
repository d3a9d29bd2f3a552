"""Statements that operators upload for what-if runs: blobs that belong to one tenant."""

from hashlib import sha256

import msgspec

from kopitra.application.ports.blobs import BlobNotFound, Blobs
from kopitra.domain.identifiers import TenantId

STATEMENT_BYTES = 8 * 1024 * 1024
"""A statement of 20,000 trades has 6 MB; the largest that a broker's site gave us has 2."""
FOLDER = "management/statements"
ID_LETTERS = 32


class Statement(msgspec.Struct, frozen=True):
    """`name`: the file's, for people."""

    name: str
    content: bytes


def statement_id(tenant: TenantId, content: bytes) -> str:
    """The same file of the same tenant is the same statement."""
    return sha256(f"{tenant}\x1f".encode() + content).hexdigest()[:ID_LETTERS]


async def keep_statement(blobs: Blobs, tenant: TenantId, statement: Statement) -> str:
    identity = statement_id(tenant, statement.content)
    packed = msgspec.msgpack.encode((statement.name, statement.content))
    await blobs.put(_name(tenant, identity), packed)
    return identity


async def load_statement(blobs: Blobs, tenant: TenantId, identity: str) -> Statement:
    """Raises BlobNotFound, also for another tenant's."""
    if len(identity) != ID_LETTERS or not identity.isalnum() or not identity.isascii():
        raise BlobNotFound(identity)
    name, content = msgspec.msgpack.decode(await blobs.get(_name(tenant, identity)), type=tuple[str, bytes])
    return Statement(name, content)


def _name(tenant: TenantId, identity: str) -> str:
    """A tenant's name may hold what a blob's may not."""
    return f"{FOLDER}/{sha256(tenant.encode()).hexdigest()[:ID_LETTERS]}/{identity}"
