"""Static files, served in place."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from routing_console.transfer.file_addresses import WITH_ANY_HASH


class StaticFiles(WhiteNoiseMiddleware):
    """While machines are upgraded one after the other, a page of one asks for files of another: it gets what is there,
    which its browser then may not keep."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        here = WITH_ANY_HASH.sub(self.static_prefix, request.path_info)
        if here == request.path_info or (file := self._file(here)) is None:
            return cast(HttpResponseBase, super().__call__(request))
        response: HttpResponseBase = self.serve(file, request)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def _file(self, path: str) -> Any:
        return self.find_file(path) if self.autorefresh else self.files.get(path)
