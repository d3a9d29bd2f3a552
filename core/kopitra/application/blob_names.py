"""Which names blobs may have, wherever they are stored."""

import re

from kopitra.application.ports.blobs import BLOB_NAME_LENGTH, BlobNameInvalid

PART = r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*"
NAME = re.compile(rf"{PART}(/{PART})*")


def check_blob_name(name: str) -> None:
    """Raise `BlobNameInvalid` unless every file system and Azure take the name alike."""
    if len(name) > BLOB_NAME_LENGTH or not NAME.fullmatch(name):
        raise BlobNameInvalid(f"not a blob's name: {name!r}")
