"""Signatures of Gemini's thoughts, at its API of OpenAI's protocol. Pure.

From Gemini 3 on a call of a tool is refused when it comes back without the signature that it had. Clients of other
protocols have no field for it, and few of chat send it back: so it travels in the id of the call, as LiteLLM writes it,
and a conversation may go on through either way.
"""

from __future__ import annotations

import re
from typing import Any

from engine.dialects.call_ids import with_changed_ids
from engine.dialects.shapes import listed, object_of, objects

FIELD = "extra_content"
# In the bytes of an answer that may have one.
AT = b'"extra_content"'
BETWEEN = "__thought__"
# Google's word for a call that it did not make, or whose signature is lost.
UNSIGNED = "skip_thought_signature_validator"
# A chat client's messages without them.
DROPPED = "messages.extra_content"
# Older ones do not ask for signatures; a name without a version is the newest.
OLDER = re.compile(r"gemini-[12](?!\d)")


def with_signed_ids(fields: dict[str, Any]) -> dict[str, Any]:
    """A whole answer, or a chunk of one, with signatures in the ids of its calls, for clients of other protocols."""
    for choice in objects(fields.get("choices")):
        for said in (object_of(choice.get("message")), object_of(choice.get("delta"))):
            for call in objects(said.get("tool_calls")):
                if (signature := _signature(call)) and isinstance(id := call.get("id"), str) and BETWEEN not in id:
                    call["id"] = f"{id}{BETWEEN}{signature}"
    return fields


def with_signatures(messages: Any, model: str, *, marks_others: bool = True) -> Any:
    """The messages of a chat as Gemini wants them back: with the signatures that are known of their calls.

    `marks_others`: calls without one get Google's word for that, where the model asks for signatures.
    """
    if not any("tool_calls" in message for message in objects(messages)):
        return messages
    asks = marks_others and OLDER.search(model) is None
    return with_changed_ids([_signed(message, asks) for message in messages], _without)


def without_signatures(messages: Any) -> Any:
    """The messages of a chat for a provider that is not Google's: many refuse fields that they do not know.

    Signatures are of calls, and of texts; itself where there are none.
    """
    if not has_signatures(messages):
        return messages
    return [_unsigned(message) if _has_signature(message) else message for message in messages]


def has_signatures(messages: Any) -> bool:
    """Whether any of these messages has one that a chat client sends back."""
    return isinstance(messages, list) and any(map(_has_signature, messages))


def _has_signature(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    if FIELD in message:
        return True
    parts = (message.get("tool_calls"), message.get("content"))
    return any(FIELD in one for part in parts if isinstance(part, list) for one in objects(part))


def _unsigned(message: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in message.items() if name != FIELD}
    for name in ("tool_calls", "content"):
        if isinstance(made.get(name), list):
            made[name] = [_plain(one) for one in made[name]]
    return made


def _plain(part: Any) -> Any:
    if not isinstance(part, dict) or FIELD not in part:
        return part
    return {name: value for name, value in part.items() if name != FIELD}


def _signed(message: Any, asks: bool) -> Any:
    """Of calls in parallel only the first has one."""
    calls = listed(message.get("tool_calls")) if isinstance(message, dict) else []
    if not calls:
        return message
    return {**message, "tool_calls": [_signed_call(call, asks and place == 0) for place, call in enumerate(calls)]}


def _signed_call(call: Any, asks: bool) -> Any:
    if not isinstance(call, dict) or _signature(call):
        return call
    _, _, signature = str(call.get("id") or "").partition(BETWEEN)
    if not signature and not asks:
        return call
    return {**call, FIELD: {"google": {"thought_signature": signature or UNSIGNED}}}


def _signature(call: dict[str, Any]) -> str:
    found = object_of(object_of(call.get(FIELD)).get("google")).get("thought_signature")
    return found if isinstance(found, str) else ""


def _without(id: str) -> str:
    return id.partition(BETWEEN)[0]
