"""A terminal process refuses settings that cannot work with a sentence that names them."""

from pathlib import Path
from typing import Any

import pytest

from kopitra.simulation.broker.profiles import MT4, AccountTerms
from kopitra_terminal.__main__ import EXIT_SETTINGS, main
from kopitra_terminal.address import Address, AddressInvalid
from kopitra_terminal.settings import (
    AccountSettings,
    ProcessSettings,
    SettingsInvalid,
    encode_settings,
    read_settings,
)
from tests.unit.broker.house import D, spec

ACCOUNT = AccountSettings(
    terms=AccountTerms(login=7), symbols=(spec("EURUSD"),), profile=MT4, deposit=D("1000.5")
)


def settings(**changes: Any) -> ProcessSettings:
    fields: dict[str, Any] = {"listen": "127.0.0.1:0", "folder": "accounts", "accounts": (ACCOUNT,)}
    return ProcessSettings(**(fields | changes))


def test_settings_survive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(encode_settings(settings()))
    assert read_settings(file) == settings()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"listen": "0.0.0.0:1"}, "listen: .*loopback"),
        ({"listen": "here"}, "listen: "),
        ({"accounts": ()}, "at least one"),
        ({"accounts": (ACCOUNT, ACCOUNT)}, "a login appears twice"),
        ({"accounts": (AccountSettings(terms=AccountTerms(login=8), symbols=()),)}, "8 lists no symbols"),
    ],
)
def test_impossible_settings_are_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        settings(**changes)


def test_the_command_says_what_is_wrong_with_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.json"
    assert main(["broker", "--settings", str(file)]) == EXIT_SETTINGS
    assert "No such file" in capsys.readouterr().err
    file.write_bytes(encode_settings(settings()).replace(b"127.0.0.1:0", b"10.0.0.1:0"))
    assert main(["broker", "--settings", str(file)]) == EXIT_SETTINGS
    assert "loopback" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["127.0.0.1:5000", "unix:/somewhere/socket"])
def test_an_address_reads_as_it_was_written(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", ":5", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "example.org:80", "unix:", "unix:" + "p" * 108],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(AddressInvalid):
        Address.parse(text)
