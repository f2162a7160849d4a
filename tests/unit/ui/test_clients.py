"""The address that limits are counted by."""

import pytest

from samui.ui.clients import address_of


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("testclient", None),
        ("", None),
    ],
)
def test_address_is_that_of_a_person_and_none_on_the_own_machine(host, address):
    assert address_of({"client": (host, 5)}) == address


def test_socket_of_the_machine_has_no_address():
    assert address_of({"client": None}) is None
    assert address_of({}) is None
