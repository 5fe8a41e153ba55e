"""Parts of messages and of tool outputs -> parts of chat messages. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.responses.checks import Remarks, list_of, object_of, text_of

TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
FILE_FIELDS = ("filename", "file_data", "file_id")
# Chat knows fewer details of images.
DETAILS = {"original": "high"}


def parts_of(content: object, path: str, remarks: Remarks) -> list[dict[str, Any]]:
    """The parts in chat's words; a string is one part. Raises Malformed."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    parts = (_part(part, f"{path}[{place}]", remarks) for place, part in enumerate(list_of(content, path)))
    return [part for part in parts if part is not None]


def content_of(parts: list[dict[str, Any]], between: str = "\n") -> str | list[dict[str, Any]]:
    """The content of a chat message: a string where all is text, because not all servers read lists."""
    if all(part.keys() == {"type", "text"} for part in parts):
        return between.join(part["text"] for part in parts)
    return parts


def is_text(part: dict[str, Any]) -> bool:
    """Whether a part of chat is text."""
    return bool(part["type"] == "text")


def _part(part: dict[str, Any], path: str, remarks: Remarks) -> dict[str, Any] | None:
    match text_of(part.get("type"), f"{path}.type"):
        case kind if kind in TEXTS:
            return {"type": "text", "text": text_of(part.get("text"), f"{path}.text"), **_breakpoint(part)}
        case "refusal":
            return {"type": "refusal", "refusal": text_of(part.get("refusal"), f"{path}.refusal")}
        case "input_image":
            return _image(part, path, remarks)
        case "input_file":
            return _file(part, path, remarks)
        case "input_audio":
            return {"type": "input_audio", "input_audio": object_of(part.get("input_audio"), f"{path}.input_audio")}
        case kind:
            remarks.cannot(path, f"Chat has no content of the type '{kind}'.")
            return None


def _image(part: dict[str, Any], path: str, remarks: Remarks) -> dict[str, Any] | None:
    if not part.get("image_url"):
        remarks.cannot(path, "Chat can't read an image by its file id.")
        return None
    image = {"url": text_of(part["image_url"], f"{path}.image_url")}
    if isinstance(detail := part.get("detail"), str):
        image["detail"] = DETAILS.get(detail, detail)
    return {"type": "image_url", "image_url": image, **_breakpoint(part)}


def _file(part: dict[str, Any], path: str, remarks: Remarks) -> dict[str, Any] | None:
    if part.get("file_url") and not part.get("file_data"):
        remarks.cannot(path, "Chat can't read a file by its address.")
        return None
    if part.get("detail") not in (None, "auto"):
        remarks.drop("input.detail")
    file = {name: text_of(part[name], f"{path}.{name}") for name in FILE_FIELDS if part.get(name) is not None}
    return {"type": "file", "file": file, **_breakpoint(part)}


def _breakpoint(part: dict[str, Any]) -> dict[str, Any]:
    mark = part.get("prompt_cache_breakpoint")
    return {"prompt_cache_breakpoint": mark} if mark else {}
