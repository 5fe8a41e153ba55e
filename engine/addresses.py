"""Which network addresses may be called: pure rules over literal and resolved addresses.

A URL is checked when it is stored, so that its author gets an answer (`refusal_of_host`). Every connection is checked
again after DNS (`refusal_of`, from `upstreams/connections.py`): a name can resolve to another address each time.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
# The metadata services of clouds, which give out credentials; never an LLM provider.
METADATA_HOSTS = frozenset({"metadata", "metadata.google.internal", "instance-data"})
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
NEVER = "Link-local and metadata addresses are never allowed."
PRIVATE = "Private addresses are off; set ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS=1 to allow them."


class ForbiddenAddress(OSError):
    """A connection that the policy forbids; the network code treats it as a failed connection."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, why)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses upstreams may have. Without `allows_private` only those of the public internet."""

    allows_private: bool = False

    def refusal_of(self, address: IPAddress) -> str | None:
        """Why this address may not be called, or None."""
        real = unwrapped(address)
        if real.is_link_local or real.is_multicast or real in METADATA_ADDRESSES:
            return NEVER
        is_private = not real.is_global or real.is_reserved or (real.version == 6 and real.is_site_local)
        return PRIVATE if is_private and not self.allows_private else None

    def refusal_of_host(self, host: str) -> str | None:
        """Why a URL may not name this host, or None; a name is judged without DNS."""
        name = unicodedata.normalize("NFKC", host).rstrip(".").lower()
        if name in METADATA_HOSTS:
            return NEVER
        if (address := address_of(name)) is not None:
            return self.refusal_of(address)
        is_private = name == "localhost" or name.endswith(".localhost")
        return PRIVATE if is_private and not self.allows_private else None

    def check_url(self, url: str) -> None:
        """Raises ForbiddenAddress for a URL with a forbidden host, ValueError for an invalid URL."""
        if "\\" in url:  # some read it as a slash, others as a part of the name
            raise ValueError("An address has no backslash.")
        if why := self.refusal_of_host(urlsplit(url).hostname or ""):
            raise ForbiddenAddress(why)

    def check(self, address: str) -> None:
        """Raises ForbiddenAddress for a resolved address, such as '10.0.0.1' or 'fe80::1%eth0'."""
        if why := self.refusal_of(ipaddress.ip_address(address.partition("%")[0])):
            raise ForbiddenAddress(why)


def address_of(host: str) -> IPAddress | None:
    """The IP address that a host spells, in any notation (127.1, 2130706433, 0x7f.1, ::1), else None."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError, ValueError):
        return None


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 one carries (mapped, compatible, 6to4, Teredo, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64 or (address in IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


_adopted = AddressPolicy()


def adopt(policy: AddressPolicy) -> None:
    """Makes this the policy of the process; until then only public addresses may be called."""
    global _adopted
    _adopted = policy


def adopted() -> AddressPolicy:
    """The policy of this process."""
    return _adopted
