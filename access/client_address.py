"""Who calls: the address of the connection, or the one that a trusted proxy names.

Any caller can send `X-Forwarded-For`, so it is read from its end, and only as far as TRUSTED_PROXIES wrote it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Of one customer of an IPv6 network there are more addresses than of all of IPv4.
IPV6_PREFIX = 64


def client_of(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's; the farthest known one if all are."""
    address = peer
    for one in [peer, *reversed([part.strip() for part in forwarded.split(",") if part.strip()])]:
        if (found := _address_of(one)) is None:
            break  # what no proxy writes
        address = str(found)
        if not any(found in network for network in trusted):
            break
    return address


def of_request(request: HttpRequest) -> str:
    """That of a request to Django; also django-axes asks it."""
    return client_of(
        request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES
    )


def household_of(address: str) -> str:
    """What is counted as one caller: an IPv4 address, or the network of an IPv6 address."""
    found = _address_of(address)
    if found is None or found.version == 4:
        return address
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))


def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
