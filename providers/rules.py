"""May this provider or model be so, may it go? Who may change it is the door's question (role admin)."""

from __future__ import annotations

import ipaddress
import socket
import unicodedata
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from providers.exceptions import ModelInUse
from providers.models import LanguageModel, Provider
from providers.presets import BY_TYPE, is_known, preset_of

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What cloud machines ask for their own credentials; never an LLM provider.
METADATA_HOSTS = frozenset({"metadata", "metadata.google.internal", "instance-data"})
METADATA_ADDRESSES = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})


def check_type(type: str) -> None:
    """Raises unless the type is one of ours or a LiteLLM provider."""
    if not is_known(type):
        few = ", ".join(sorted(BY_TYPE))
        raise ValidationError({"type": f"Unknown provider type. Use {few}, or another LiteLLM provider name."})


def check_reachable(*, type: str, api_base: str, api_key: str) -> None:
    """Raises when the type needs an address or a key that is not given."""
    preset = preset_of(type)
    if preset.needs_base_url and not api_base:
        raise ValidationError({"api_base": f"Type '{type}' needs api_base, such as https://llm.example.com/v1."})
    if preset.needs_key and not api_key and not api_base:
        raise ValidationError({"api_key": f"Type '{type}' needs an API key."})


def check_api_key(api_key: str) -> None:
    """Raises for a key that can't travel in an HTTP header."""
    if not (api_key.isascii() and api_key.isprintable() and len(api_key) <= 4096):
        raise ValidationError({"api_key": "A key has up to 4096 printable ASCII characters, in one line."})


def check_address(api_base: str) -> None:
    """Raises for addresses inside our own network (unless allowed) and for metadata services (always)."""
    host = unicodedata.normalize("NFKC", urlsplit(api_base).hostname or "").rstrip(".").lower()
    address = address_of(host)
    if host in METADATA_HOSTS or (address and _is_never_allowed(address)):
        raise ValidationError({"api_base": "Link-local and metadata addresses are never allowed."})
    is_private = host == "localhost" or host.endswith(".localhost") or (address and not address.is_global)
    if is_private and not settings.ALLOW_PRIVATE_UPSTREAMS:
        raise ValidationError(
            {"api_base": "Private addresses are off; set ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS=1 to allow them."}
        )


def address_of(host: str) -> IPAddress | None:
    """The literal address a host is, however it is spelled (127.1, 2130706433, ::ffff:127.0.0.1), else None."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError, ValueError):
            return None
    return _inner(address) if isinstance(address, ipaddress.IPv6Address) else address


def _inner(address: ipaddress.IPv6Address) -> IPAddress:
    """The IPv4 address that an IPv6 one wraps, else itself."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_never_allowed(address: IPAddress) -> bool:
    return address.is_link_local or address.is_multicast or address in METADATA_ADDRESSES


def groups_using(*, model: LanguageModel | None = None, provider: Provider | None = None) -> list[str]:
    """Names of the routing groups that send traffic to a model, or to any model of a provider."""
    models = LanguageModel.objects.filter(pk=model.pk) if model else LanguageModel.objects.filter(provider=provider)
    names = models.filter(deployments__isnull=False).order_by("deployments__group__name")
    return list(names.values_list("deployments__group__name", flat=True).distinct())


def check_can_delete_model(model: LanguageModel) -> None:
    """Raises ModelInUse, naming the groups."""
    if groups := groups_using(model=model):
        raise ModelInUse(f"The model '{model}'", groups)


def check_can_delete_provider(provider: Provider) -> None:
    """Raises ModelInUse, naming the groups that use one of its models."""
    if groups := groups_using(provider=provider):
        raise ModelInUse(f"The provider '{provider}'", groups)
