"""The key file is its owner's alone, made whole, and never made twice."""

import asyncio
import stat
from pathlib import Path

import pytest

from kopitra_functions.adapters.key_file import KEY_BYTES, KeyFile, KeyFileRefused, rotate


async def test_the_file_is_made_at_the_first_use_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "new" / "credentials.key"
    key = KeyFile(path)
    assert not path.exists()
    await key.current()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name], "nothing is left beside it"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
async def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int):
    path = tmp_path / "credentials.key"
    await KeyFile(path).current()
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        await KeyFile(path).current()
    with pytest.raises(KeyFileRefused):
        rotate(path)


@pytest.mark.parametrize("content", ["", "{}", '{"keys":[]}', '{"keys":[{"id":"a","key":"c2hvcnQ="}]}', "ä"])
async def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "credentials.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileRefused, match="no key file"):
        await KeyFile(path).current()
    assert path.read_text() == content


async def test_those_that_start_together_have_one_key(tmp_path: Path):
    path = tmp_path / "credentials.key"
    ids = await asyncio.gather(*(KeyFile(path).current() for _ in range(8)))
    assert len(set(ids)) == 1
    data_key = bytes(KEY_BYTES)
    wrapped = await KeyFile(path).wrap(data_key)
    assert await KeyFile(path).unwrap(wrapped) == data_key


async def test_a_rotation_keeps_the_rights_and_the_older_keys(tmp_path: Path):
    path = tmp_path / "credentials.key"
    before = await KeyFile(path).wrap(bytes(KEY_BYTES))
    added = rotate(path)
    key = KeyFile(path)
    assert await key.current() == added
    assert await key.unwrap(before) == bytes(KEY_BYTES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
