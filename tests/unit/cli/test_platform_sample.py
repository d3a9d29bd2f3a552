"""The sample that people begin with is understood as soon as codes are drawn, and refused before."""

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra_cli.configuration.document import read_document
from kopitra_cli.configuration.operations import operations_of
from kopitra_cli.configuration.problems import ConfigurationInvalid
from scripts.tooling.steps import ROOT
from tests.unit.cli.test_configuration_files import ISSUE

SAMPLE = (ROOT / "apps" / "cli" / "platform.sample.yaml").read_text(encoding="utf-8")
COMMENTED = ("# requiresApproval", "# halt:", "# resume:", "# approve:")


def drawn(text: str) -> str:
    return text.replace("draw-the-first", "a" * 22).replace("draw-the-second", "b" * 22)


def test_codes_that_nobody_has_drawn_are_refused_line_by_line() -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_document(SAMPLE, "platform.yaml")
    places = [line.partition(": needs")[0].rpartition(" ")[2] for line in str(refusal.value).splitlines()]
    assert places == ["accounts.main-desk.enrolmentCode", "accounts.follower-1.enrolmentCode"]


def test_with_drawn_codes_all_of_it_is_published() -> None:
    document = read_document(drawn(SAMPLE), "platform.yaml")
    assert set(document.accounts) == {"main-desk", "follower-1"}
    [subscription] = document.subscriptions.values()
    assert subscription.follower == "follower-1"
    assert len(operations_of(document, ISSUE)) == 6


def test_what_is_commented_out_is_right_too() -> None:
    text = drawn(SAMPLE)
    for start in COMMENTED:
        assert start in text
        text = text.replace(start, start.removeprefix("# "))
    document = read_document(text, "platform.yaml")
    assert document.accounts[AccountId("follower-1")].requires_approval
    assert (len(document.halt), len(document.resume), len(document.approve)) == (1, 1, 1)
