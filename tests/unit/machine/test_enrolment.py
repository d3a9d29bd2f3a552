"""A one-time code becomes a device's secret."""

from datetime import timedelta
from typing import Any

import pytest

from kopitra.domain.identifiers import DeviceId
from kopitra.domain.limits import MAX_DEVICES_PER_ACCOUNT
from kopitra.machine.commands import Enrol
from tests.unit.machine.driven import (
    DEVICE,
    FOLLOWER,
    NOW,
    OTHER_DEVICE,
    DrivenMachine,
    enrol,
    open_session,
    publish_account,
)


def use(code: str, device: DeviceId = DEVICE, secret: str = "secret") -> Enrol:
    return Enrol(code_hash=code, device=device, secret_hash=secret, platform="mt5")


def with_code(**changes: Any) -> DrivenMachine:
    machine = DrivenMachine()
    machine.done(publish_account(enrolment_code_hash="code", **changes))
    return machine


def test_a_code_makes_a_device_with_a_secret_and_names_the_account():
    machine = with_code()
    assert machine.done(use("code")).answer == {"account": FOLLOWER}
    device = machine.account().devices[DEVICE]
    assert (device.secret_hash, device.platform, device.approved) == ("secret", "mt5", False)


def test_a_code_works_once():
    machine = with_code()
    machine.done(use("code"))
    assert machine.refused(use("code", OTHER_DEVICE)).code == "enrolment_refused"
    assert list(machine.account().devices) == [DEVICE]


@pytest.mark.parametrize("seconds", [60, 61])
def test_unknown_used_and_expired_codes_are_refused_alike(seconds: int):
    machine = with_code(enrolment_expires_at=NOW + timedelta(seconds=60))
    machine.wait(seconds)
    expired, unknown = machine.refused(use("code")), machine.refused(use("guess"))
    assert expired == unknown
    assert (expired.status, expired.code) == (401, "enrolment_refused")


def test_a_code_works_until_the_second_before_it_expires():
    machine = with_code(enrolment_expires_at=NOW + timedelta(seconds=60))
    machine.wait(59)
    machine.done(use("code"))


def test_a_new_device_leaves_the_older_ones_their_secrets():
    machine = DrivenMachine()
    enrol(machine, FOLLOWER)
    enrol(machine, FOLLOWER, OTHER_DEVICE)
    assert list(machine.account().devices) == [DEVICE, OTHER_DEVICE]


def test_enrolling_a_device_again_replaces_its_secret_and_its_approval():
    machine = DrivenMachine()
    enrol(machine, FOLLOWER)
    first = machine.account().devices[DEVICE]
    first.approved = True
    enrol(machine, FOLLOWER)
    again = machine.account().devices[DEVICE]
    assert again.secret_hash != first.secret_hash
    assert not again.approved


def test_enrolling_again_does_not_end_the_session_of_the_device():
    machine = DrivenMachine()
    enrol(machine, FOLLOWER)
    machine.done(open_session())
    enrol(machine, FOLLOWER)
    assert machine.account().session is not None


def test_an_account_has_a_bounded_number_of_devices():
    machine = DrivenMachine()
    for number in range(MAX_DEVICES_PER_ACCOUNT):
        enrol(machine, FOLLOWER, DeviceId(f"device-{number}"))
    machine.done(publish_account(revision=99, enrolment_code_hash="code"))
    assert machine.refused(use("code", DeviceId("one-more"))).code == "too_many_devices"
    machine.done(use("code", DeviceId("device-0")))


def test_a_revoked_device_cannot_come_back_by_a_code():
    machine = with_code(revoked_devices=(DEVICE,))
    assert machine.refused(use("code")).code == "device_revoked"
    machine.done(use("code", OTHER_DEVICE))
