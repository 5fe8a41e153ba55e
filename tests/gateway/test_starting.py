"""What callers are told while a process has not loaded its configuration yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.admission.rights import authenticate
from gateway.live import Live
from gateway.openai import ApiError


async def _database_is_away(work: Callable[[], Any]) -> Any:
    raise OSError


@pytest.mark.parametrize(("key", "status", "code"), [("sk-rc-x", 503, "not_ready"), ("", 401, "invalid_api_key")])
async def test_a_key_is_not_called_unknown_before_the_keys_are_known(key: str, status: int, code: str):
    with pytest.raises(ApiError) as caught:
        await authenticate(Live(_database_is_away), key)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert ((b"retry-after", b"1") in caught.value.headers) == (status == 503)
