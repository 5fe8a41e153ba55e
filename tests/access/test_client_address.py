"""Whose address counts behind proxies."""

from __future__ import annotations

import ipaddress

import pytest

from access.client_address import client_of, household_of

BALANCERS = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a caller's own invention
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "192.0.2.7, 198.51.100.1", "198.51.100.1"),  # what was there before the balancer is the caller's
        ("10.0.0.2", "198.51.100.1, 10.0.0.3", "198.51.100.1"),  # two balancers
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "nonsense", "10.0.0.2"),
        ("::1", "2001:db8::5", "2001:db8::5"),
        ("::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_trusted_proxies_wrote_it(peer: str, forwarded: str, client: str):
    assert client_of(peer, forwarded, BALANCERS) == client


def test_the_many_addresses_of_one_network_count_as_one_caller():
    assert household_of("2001:db8::1") == household_of("2001:db8::ffff:2") != household_of("2001:db8:0:1::1")
    assert household_of("198.51.100.1") != household_of("198.51.100.2")
