"""The translator of each door that does not speak chat. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.dialects.messages.answer import answer as message_of
from engine.dialects.messages.events import MessagesEncoder
from engine.dialects.messages.request import view as view_of_messages
from engine.dialects.responses.answer import answer as response_of
from engine.dialects.responses.events import ResponsesEncoder
from engine.dialects.responses.request import view_of as view_of_responses
from engine.dialects.translation import Translator, View

TRANSLATORS: Mapping[str, Translator] = {
    "responses": Translator(view_of_responses, response_of, ResponsesEncoder),
    "messages": Translator(view_of_messages, message_of, MessagesEncoder),
}


def view_of(endpoint: str, body: dict[str, Any]) -> View:
    """A client's request as a chat request; the body itself where the door has no translator. Raises Malformed."""
    translator = TRANSLATORS.get(endpoint)
    return View(body) if translator is None else translator.view(body)
