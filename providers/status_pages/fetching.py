"""One GET of a status page's JSON. Bounded in time, size and redirects, to addresses that upstreams may have."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin, urlsplit

import aiohttp

from engine import addresses
from engine.addresses import ForbiddenAddress
from engine.exceptions import BadInput
from engine.history.page_reader import MOST_BYTES
from engine.upstreams.connections import new_session
from engine.upstreams.reasons import reason_of

FIELD = "url"
USUAL_PATH = "/api/v2/incidents.json"
LIMIT_S = 20.0
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
CHUNK = 64 * 1024


def address_of_page(url: str) -> str:
    """The address of a page's JSON: of a page's front the usual one, of any other the address itself."""
    parts = urlsplit(url)
    return parts._replace(path=USUAL_PATH).geturl() if parts.path in ("", "/") and not parts.query else url


async def fetched(url: str, *, limit_s: float = LIMIT_S) -> bytes:
    """The body of a page's JSON; raises BadInput with why there is none."""
    try:
        async with asyncio.timeout(limit_s), new_session() as session:
            return await _followed(session, url)
    except BadInput:
        raise
    except TimeoutError:
        raise BadInput(FIELD, f"No answer within {limit_s:g} s.") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise BadInput(FIELD, f"The page can't be read: {reason_of(error)}.") from None


async def _followed(session: aiohttp.ClientSession, url: str) -> bytes:
    for step in range(MOST_REDIRECTS + 1):
        _check(url, is_redirect=step > 0)
        async with session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as answer:
            if answer.status in REDIRECTS:
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            if answer.status != 200:
                raise BadInput(FIELD, f"The page answered {answer.status}, where 200 was expected.")
            return await _body(answer)
    raise BadInput(FIELD, f"The page redirects more than {MOST_REDIRECTS} times. Give the address where it ends.")


def _check(url: str, *, is_redirect: bool) -> None:
    """Before DNS; the connection checks the address again after it."""
    where = "It redirects to an address that can't be called" if is_redirect else "This address can't be called"
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError
        addresses.adopted().check_url(url)
    except ForbiddenAddress as error:
        raise BadInput(FIELD, f"{where}: {error.strerror}") from None
    except ValueError:
        raise BadInput(FIELD, f"{where}: give a URL such as https://status.example.com, without a password.") from None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Counted after decompression."""
    parts, size = list[bytes](), 0
    async for part in answer.content.iter_chunked(CHUNK):
        size += len(part)
        if size > MOST_BYTES:
            raise BadInput(FIELD, f"The page's answer is larger than {MOST_BYTES // 1024**2} MB.")
        parts.append(part)
    return b"".join(parts)
