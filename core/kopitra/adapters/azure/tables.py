"""One Azure table, as the journal needs it: few operations, and three failures that differ in what is known after.

The SDK's own retries are off wherever a request writes: a repeat of one that happened would look like a stranger's.
"""
# The SDK's **kwargs have no types.
# pyright: reportUnknownMemberType=false

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import msgspec
from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from azure.data.tables import (
    EdmType,
    EntityProperty,
    TableClient,
    TableEntity,
    TransactionOperation,
    UpdateMode,
)

CONNECT_SECONDS = 2
READ_SECONDS = 5
"""A storage account that has not answered by then is treated as unclear; the writer is silent after 3 s anyway."""
READ_RETRIES = 3
"""For reads only: they change nothing."""
LARGEST_PAGE = 1000
"""Azure's own limit of entities in one answer."""

Value = str | int | bytes | bool
Entity = Mapping[str, Value]
"""With `PartitionKey` and `RowKey`, both strings."""


class Stored(msgspec.Struct, frozen=True):
    entity: Entity
    etag: str


class TableConflict(Exception):
    """The entity changed, exists already, or is gone: the request certainly changed nothing."""


class TableRefused(Exception):
    """The service understood the request and refused it: it certainly changed nothing."""


class TableUnclear(Exception):
    """No answer, or one that does not say: the request may or may not have happened, or may happen yet."""


class Table(Protocol):
    """Blocking; one thread at a time. Every method may raise `TableRefused` or `TableUnclear`."""

    def create(self) -> None:
        """Make the table unless it exists."""
        ...

    def get(self, partition: str, row: str) -> Stored | None: ...

    def pages(
        self, partition: str, above: str, below: str, *, size: int = LARGEST_PAGE
    ) -> Iterator[Sequence[Entity]]:
        """Entities of the partition whose row key lies strictly between, by row key, in pages of at most `size`; a page
        may be shorter, or empty, without being the last."""
        ...

    def insert(self, entity: Entity) -> str:
        """Return the etag. Raises `TableConflict` when it exists."""
        ...

    def replace(self, entity: Entity, etag: str) -> str:
        """Return the new etag. Raises `TableConflict` unless the stored etag is the one given."""
        ...

    def transact(self, replaced: Entity, etag: str, inserted: Sequence[Entity]) -> str:
        """`replace` and every insert, or nothing; all in one partition. Return the replaced entity's new etag."""
        ...

    def close(self) -> None: ...


class AzureTable:
    """`Table` over azure-data-tables."""

    def __init__(self, client: TableClient) -> None:
        self._client = client
        self.name = client.table_name

    def create(self) -> None:
        with _translated():
            try:
                self._client.create_table()
            except ResourceExistsError:
                return

    def get(self, partition: str, row: str) -> Stored | None:
        with _translated():
            try:
                found = self._client.get_entity(partition, row, retry_total=READ_RETRIES)
            except ResourceNotFoundError:
                return None
            return Stored(_plain(found), str(found.metadata["etag"]))

    def pages(
        self, partition: str, above: str, below: str, *, size: int = LARGEST_PAGE
    ) -> Iterator[Sequence[Entity]]:
        with _translated():
            pages = self._client.query_entities(
                "PartitionKey eq @partition and RowKey gt @above and RowKey lt @below",
                parameters={"partition": partition, "above": above, "below": below},
                results_per_page=size,
                retry_total=READ_RETRIES,
            ).by_page()
            for page in pages:
                yield [_plain(entity) for entity in page]

    def insert(self, entity: Entity) -> str:
        with _translated():
            return str(self._client.create_entity(_typed(entity))["etag"])

    def replace(self, entity: Entity, etag: str) -> str:
        with _translated():
            answer = self._client.update_entity(
                _typed(entity),
                mode=UpdateMode.REPLACE,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
            return str(answer["etag"])

    def transact(self, replaced: Entity, etag: str, inserted: Sequence[Entity]) -> str:
        condition = {
            "mode": UpdateMode.REPLACE,
            "etag": etag,
            "match_condition": MatchConditions.IfNotModified,
        }
        quiet = {"response_preference": "return-no-content"}
        with _translated():
            answers = self._client.submit_transaction(
                [
                    (TransactionOperation.UPDATE, _typed(replaced), condition),
                    *((TransactionOperation.CREATE, _typed(entity), quiet) for entity in inserted),
                ]
            )
            return str(answers[0]["etag"])

    def close(self) -> None:
        self._client.close()


def connect_table(
    name: str,
    *,
    connection_string: str | None = None,
    endpoint: str | None = None,
    credential: TokenCredential | None = None,
    transport: HttpTransport[Any, Any] | None = None,
) -> AzureTable:
    """A table by connection string (local work, tests), or by https endpoint and token credential (managed identity).

    Raises ValueError for anything else: a token is never sent over http.
    """
    options: dict[str, Any] = {
        "retry_total": 0,
        "transport": transport
        or RequestsTransport(
            use_env_settings=False, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
        ),
    }
    if connection_string is not None:
        return AzureTable(TableClient.from_connection_string(connection_string, name, **options))
    if endpoint is None or credential is None:
        raise ValueError("a table needs a connection string, or an endpoint and a credential")
    if not endpoint.startswith("https://"):
        raise ValueError(f"a token credential is only sent over https, not to {endpoint}")
    return AzureTable(TableClient(endpoint, name, credential=credential, **options))


HTTP_CONFLICTS = frozenset({404, 409, 412})
HTTP_UNCLEAR = frozenset({408, 429})
"""And everything from 500 up. Throttling counts because a gateway may answer so for a request under way."""
HTTP_SERVER_ERROR = 500


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except HttpResponseError as error:
        status = error.status_code or HTTP_SERVER_ERROR
        if status in HTTP_CONFLICTS:
            raise TableConflict(error.message) from error
        if status in HTTP_UNCLEAR or status >= HTTP_SERVER_ERROR:
            raise TableUnclear(f"{status}: {error.message}") from error
        raise TableRefused(f"{status}: {error.message}") from error
    except AzureError as error:
        raise TableUnclear(error.message) from error


INT32_MAX = 2**31 - 1


def _typed(entity: Entity) -> dict[str, Any]:
    """The SDK writes plain integers as 32-bit ones; sequences are larger."""
    return {
        name: EntityProperty(value, EdmType.INT64) if _is_wide(value) else value
        for name, value in entity.items()
    }


def _is_wide(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) > INT32_MAX


def _plain(entity: TableEntity) -> Entity:
    values = cast("Mapping[str, Any]", entity)
    return {
        name: value.value if isinstance(value, EntityProperty) else value for name, value in values.items()
    }
