"""Sealed segments have a container of their own where one is named, and the management side finds them there."""

from base64 import b64encode
from typing import Any
from uuid import uuid4

import pytest

import kopitra_counterparty.settings as counterparty
import kopitra_functions.settings as functions
from kopitra.adapters.azure.blobs import connect_container
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.adapters.segments import BlobSegments
from kopitra.application.ports.journal import Frame
from kopitra_counterparty.azure_storage import open_azure
from kopitra_functions.azure_world import open_blobs
from kopitra_functions.journals import open_journal
from tests.fixtures.azurite import Azurite, storage_of_its_own

pytestmark = pytest.mark.timeout(600)
"""Azurite is installed once a checkout."""


@pytest.fixture
def given(
    azurite_table: Azurite, azurite_blob: Azurite, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Any:
    """The settings that both services share."""
    monkeypatch.chdir(tmp_path)
    return storage_of_its_own(azurite_table, azurite_blob)


async def sealed_by_the_counterparty(given: dict[str, Any]) -> None:
    keys = {"token_keys": {"k": b64encode(bytes(32)).decode()}, "token_key_id": "k"}
    journal, blobs, sealed = await open_azure(counterparty.load_settings(**keys, **given))
    fence = await journal.acquire("writer")
    await journal.append(fence, [Frame(1, 1, b"event")])
    await BlobSegments(journal, sealed, SystemClock()).seal(1)
    await blobs.put("relay/checkpoint.json", b"{}")
    await journal.close()


async def names_in(azurite: Azurite, container: str) -> set[str]:
    blobs = connect_container(container, connection_string=azurite.connection_string)
    try:
        return {info.name.rsplit("/", 1)[-1].rpartition(".")[2] async for info in blobs.under()}
    finally:
        await blobs.close()


@pytest.mark.parametrize("own", [True, False], ids=["a container of their own", "beside the others"])
async def test_segments_lie_where_the_settings_say_and_are_read_from_there(
    given: dict[str, Any], azurite_blob: Azurite, own: bool
):
    container = f"audit{uuid4().hex}" if own else given["blob_container"]
    if own:
        given["segment_container"] = container
    await sealed_by_the_counterparty(given)

    settings = functions.load_settings(**given, azure_service_bus="Endpoint=sb://nobody")
    blobs = await open_blobs(settings)
    reader = await open_journal(settings, blobs)
    [segment] = await reader.segments.sealed()
    [commit] = [commit async for commit in reader.segments.read(segment)]
    await reader.close()
    assert (await blobs.get("relay/checkpoint.json"), commit[0].data) == (b"{}", b"event")
    await blobs.close()

    found = await names_in(azurite_blob, container)
    assert found == ({"segment", "json"})
    if own:
        assert await names_in(azurite_blob, given["blob_container"]) == {"json"}
