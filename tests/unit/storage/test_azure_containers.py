"""A container is used by identities that may not make one."""

from typing import Any, cast

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import ContainerClient

from kopitra.adapters.azure.blobs import AzureBlobs
from kopitra.application.ports.blobs import BlobsUnavailable


class Container:
    """As Azure's client answers. `refusal`: what becomes of the wish to make it."""

    def __init__(self, *, is_there: bool, refusal: Exception | None = None) -> None:
        self.is_there = is_there
        self.refusal = refusal

    def exists(self, **options: Any) -> bool:
        return self.is_there

    def create_container(self, **options: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.is_there = True

    def blobs(self) -> AzureBlobs:
        return AzureBlobs(cast(ContainerClient, self))


FORBIDDEN = HttpResponseError("This request is not authorized to perform this operation.")


async def test_a_container_that_is_there_is_used_by_who_may_not_make_one() -> None:
    await Container(is_there=True, refusal=FORBIDDEN).blobs().create()


async def test_one_that_is_missing_is_made() -> None:
    container = Container(is_there=False)

    await container.blobs().create()

    assert container.is_there


async def test_one_that_another_instance_was_faster_to_make_is_used() -> None:
    await Container(is_there=False, refusal=ResourceExistsError("it is there")).blobs().create()


async def test_one_that_is_missing_and_may_not_be_made_is_told() -> None:
    with pytest.raises(BlobsUnavailable, match="not authorized"):
        await Container(is_there=False, refusal=FORBIDDEN).blobs().create()
