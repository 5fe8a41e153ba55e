"""`python -m routing_console`: migrates, loads the demo, prints the address, and becomes the server.

`make run` calls it. Demo and private upstreams are on by default here, while only this machine reaches it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path

import django
import environ
from django.core.management import call_command

SERVER = ["-m", "daphne", "-v", "0"]
ON_BY_DEFAULT = ("ROUTING_CONSOLE_DEMO", "ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS")
EVERYWHERE = ("0.0.0.0", "::", "")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
    _settle_environment()
    django.setup()
    from django.conf import settings

    _check_port_is_free(settings.HOST, settings.PORT)
    call_command("migrate", verbosity=0)
    if settings.DEMO:
        call_command("load_demo", verbosity=0)
    say(_welcome())
    address = ["-b", settings.HOST, "-p", str(settings.PORT), "routing_console.asgi:application"]
    os.execv(sys.executable, [sys.executable, *SERVER, *address])  # noqa: S606  (no shell is the point)


def _settle_environment() -> None:
    """Reads `.env` before our defaults, so that it wins over them.

    On an address that others reach there is neither a demo nor a way into the private network, unless asked for.
    """
    environ.Env.read_env(Path(__file__).resolve().parent.parent / ".env")
    if is_only_here(os.environ.get("HOST", "127.0.0.1")):
        for name in ON_BY_DEFAULT:
            os.environ.setdefault(name, "1")


def is_only_here(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_port_is_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another: PORT={port + 1} make run")


def _welcome() -> str:
    from django.conf import settings

    url = f"http://{'127.0.0.1' if settings.HOST in EVERYWHERE else settings.HOST}:{settings.PORT}"
    given = bool(os.environ.get("ROUTING_CONSOLE_MASTER_KEY"))
    path = settings.DATA_DIR / "master_key"
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    where = "the value of ROUTING_CONSOLE_MASTER_KEY" if given else f"the master key, in {path}"
    bearer = "$ROUTING_CONSOLE_MASTER_KEY" if given else f"$(cat {path})"
    # The key itself is only for a person's screen, never for a log.
    password = f"{settings.MASTER_KEY}  ({where})" if sys.stdout.isatty() else where
    lines = ["", f"  Routing Console   {url}", "  user              admin", f"  password          {password}", ""]
    return "\n".join(lines + (_first_request(url, bearer) if settings.DEMO else []))


def _first_request(url: str, bearer: str) -> list[str]:
    return [
        "  A first request, routed through the demo:",
        f"    curl {url}/v1/chat/completions \\",
        f'      -H "Authorization: Bearer {bearer}" -H "Content-Type: application/json" \\',
        """      -d '{"model": "demo-ordered", "messages": [{"role": "user", "content": "Hello!"}]}'""",
        "",
    ]


def say(text: str) -> None:
    """Prints at once: `exec` would lose buffered output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
