"""What Daphne's HTTP requests lack here."""

from __future__ import annotations

from typing import Any

from daphne import http_protocol

CUT = "is_cut"


class DaphneRequest(http_protocol.WebRequest):
    """A request whose form nobody reads but the application, and an answer that can be cut.

    Twisted reads forms whole, into memory, and answers those that it can't read with a bare 400.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "parsePOSTFormSubmission": False})

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Uvicorn cuts an answer that its application leaves unfinished; Daphne would leave it open."""
        super().handle_reply(message)
        if message.get(CUT) and self.channel is not None:
            self.loseConnection()


def use() -> None:
    """Daphne makes its requests of this class from now on."""
    http_protocol.WebRequest = DaphneRequest
