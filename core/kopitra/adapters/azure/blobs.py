"""Blobs in an Azure Blob Storage container."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobProperties, ContainerClient, ContentSettings

from kopitra.application.blob_names import check_blob_name
from kopitra.application.ports.blobs import BlobImmutable, BlobInfo, BlobNotFound, BlobsUnavailable

# The SDK's **kwargs have no types.
# pyright: reportUnknownMemberType=false

T = TypeVar("T")
DEFAULT_TYPE = "application/octet-stream"
IMMUTABLE = "immutable"
"""Metadata of a blob that is written once. The container's own retention policy, which no writer can lift, is set where
the container is declared; this makes our writers keep to it, and say so, everywhere."""
THREADS = 4
"""Uploads of snapshots and segments are few; a slow one must not hold up a small one."""
CONNECT_SECONDS = 5
READ_SECONDS = 60
"""A large snapshot over a slow line; nothing that trades waits for it."""
PAGE = 500


class AzureBlobs:
    """`kopitra.application.ports.blobs.Blobs` over one container; made by `connect_container`."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container
        self._threads = ThreadPoolExecutor(THREADS, "blobs")

    async def create(self) -> None:
        """Make the container unless it exists. Looked for first: whoever may use a container may not always make one,
        and Azure says so before it says that there is one. Tried once: a wrong address is told at once, not after a
        minute."""
        await self._run(self._create)

    async def put(
        self, name: str, content: bytes, *, content_type: str = DEFAULT_TYPE, immutable: bool = False
    ) -> None:
        check_blob_name(name)
        await self._run(self._put, name, content, content_type, immutable)

    async def get(self, name: str) -> bytes:
        check_blob_name(name)
        return await self._run(self._get, name)

    async def find(self, name: str) -> BlobInfo | None:
        check_blob_name(name)
        return await self._run(self._find, name)

    async def under(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        pages = self._pages(prefix)
        while page := await self._run(_next, pages):
            for info in page:
                yield info

    async def delete(self, name: str) -> bool:
        check_blob_name(name)
        return await self._run(self._delete, name)

    async def close(self) -> None:
        await self._run(self._container.close)
        self._threads.shutdown(wait=False)

    async def _run(self, call: Callable[..., T], *arguments: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)
        except AzureError as error:
            raise BlobsUnavailable(error.message) from error

    def _create(self) -> None:
        if self._container.exists(retry_total=0):
            return
        with suppress(ResourceExistsError):
            self._container.create_container(retry_total=0)

    def _put(self, name: str, content: bytes, content_type: str, immutable: bool) -> None:
        stored = self._find(name)
        if stored is not None and stored.immutable:
            self._check_same(name, content)
            return
        condition: dict[str, Any] = {"overwrite": not immutable or stored is not None}
        try:
            self._container.upload_blob(
                name,
                content,
                length=len(content),
                content_settings=ContentSettings(content_type=content_type),
                metadata={IMMUTABLE: "true"} if immutable else {},
                **condition,
            )
        except ResourceExistsError:  # another instance was faster
            self._check_same(name, content)

    def _check_same(self, name: str, content: bytes) -> None:
        if self._get(name) != content:
            raise BlobImmutable(f"{name} is immutable")

    def _get(self, name: str) -> bytes:
        try:
            return self._container.download_blob(name).readall()
        except ResourceNotFoundError as error:
            raise BlobNotFound(name) from error

    def _find(self, name: str) -> BlobInfo | None:
        try:
            return _info(self._container.get_blob_client(name).get_blob_properties())
        except ResourceNotFoundError:
            return None

    def _pages(self, prefix: str) -> Iterator[list[BlobInfo]]:
        listed = self._container.list_blobs(prefix, include=["metadata"], results_per_page=PAGE)
        for page in listed.by_page():
            if infos := [_info(properties) for properties in page]:
                yield infos

    def _delete(self, name: str) -> bool:
        stored = self._find(name)
        if stored is None:
            return False
        if stored.immutable:
            raise BlobImmutable(f"{name} is immutable")
        try:
            self._container.delete_blob(name)
        except ResourceNotFoundError:
            return False
        return True


def connect_container(
    name: str,
    *,
    connection_string: str | None = None,
    endpoint: str | None = None,
    credential: TokenCredential | None = None,
) -> AzureBlobs:
    """A container by connection string (local work, tests), or by https endpoint and token credential.

    Raises ValueError for anything else: a token is never sent over http.
    """
    options: dict[str, Any] = {
        "transport": RequestsTransport(
            use_env_settings=False, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
        )
    }
    if connection_string is not None:
        return AzureBlobs(ContainerClient.from_connection_string(connection_string, name, **options))
    if endpoint is None or credential is None:
        raise ValueError("a container needs a connection string, or an endpoint and a credential")
    if not endpoint.startswith("https://"):
        raise ValueError(f"a token credential is only sent over https, not to {endpoint}")
    return AzureBlobs(ContainerClient(endpoint, name, credential=credential, **options))


def _next(pages: Iterator[list[BlobInfo]]) -> list[BlobInfo]:
    end: list[BlobInfo] = []
    return next(pages, end)


def _info(properties: BlobProperties) -> BlobInfo:
    return BlobInfo(
        name=properties.name,
        size=properties.size,
        content_type=properties.content_settings.content_type or DEFAULT_TYPE,
        modified_at=properties.last_modified,
        immutable=(properties.metadata or {}).get(IMMUTABLE) == "true",
    )
