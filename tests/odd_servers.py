"""Servers that answer oddly: web pages, redirects, untrusted certificates, names that change their address."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes import Behaviour, Exchange, ScriptedUpstream, Status


@dataclass(frozen=True)
class Page:
    """A web page where JSON was asked for."""

    async def play(self, exchange: Exchange) -> None:
        html = b"<!doctype html><title>Welcome</title>"
        exchange.head(200, {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(html))})
        exchange.writer.write(html)
        await exchange.writer.drain()


@dataclass(frozen=True)
class Moved:
    """A redirect."""

    location: str
    code: int = 302

    async def play(self, exchange: Exchange) -> None:
        exchange.head(self.code, {"Location": self.location, "Content-Length": "0"})
        await exchange.writer.drain()


NOT_FOUND = Status(404, message="Not Found")


@dataclass(frozen=True)
class Paths:
    """A server that has some paths, by their ends, and says something else of all others."""

    at: Mapping[str, Behaviour] = field(default_factory=dict)
    elsewhere: Behaviour = NOT_FOUND

    async def play(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        await next((one for end, one in self.at.items() if path.endswith(end)), self.elsewhere).play(exchange)


class Names(AbstractResolver):
    """DNS that answers each name's addresses in turn, the last of them for ever."""

    def __init__(self, **addresses: list[str]) -> None:
        self.asked: list[str] = []
        self._addresses = {name.replace("_", "."): list(found) for name, found in addresses.items()}

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        known = self._addresses[host]
        address = known.pop(0) if len(known) > 1 else known[0]
        kind = AddressFamily.AF_INET6 if ":" in address else AddressFamily.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to close."""


def tls_upstream(folder: Path) -> ScriptedUpstream:
    """A scripted upstream behind TLS, with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder))
    upstream = ScriptedUpstream()
    upstream.tls = context
    return upstream


def saw_request(upstream: ScriptedUpstream, deadline_s: float = 10) -> bool:
    """Whether a request has come, or comes within the deadline."""
    deadline = time.monotonic() + deadline_s
    while not upstream.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(upstream.seen)


def self_signed(folder: Path, *, until: datetime | None = None) -> tuple[Path, Path]:
    """The files of a certificate for localhost and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=9)).not_valid_after(until or now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
    return certificate, secret
