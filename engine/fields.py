"""JSON objects from outside -> frozen dataclasses whose annotations define the allowed values.

A field is a bool, a number `Annotated` with its `Between`, a `Text`, or a `Literal`; any of them may be `| None`.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from engine.exceptions import BadInput

T = TypeVar("T")

LONGEST_TEXT = 256
WEEK_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Between:
    """The smallest and the largest allowed number."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"from {self.low:,.10g} to {self.high:,.10g}"


Text = Annotated[str, "printable"]
Share = Annotated[float, Between(0, 1)]
GatewayMs = Annotated[float, Between(0, 60_000)]
RunSeconds = Annotated[float, Between(0, WEEK_S)]


def read(kind: type[T], data: object, path: str, **ready: object) -> T:
    """An instance of a dataclass from a JSON object; raises BadInput naming the field by its path.

    `ready` are fields that are passed through unread.
    """
    known = {field.name: field for field in fields(kind) if field.name not in ready}  # type: ignore[arg-type]
    given = as_object(data, path)
    refuse_unknown(given, known, path)
    for name, field in known.items():
        if name not in given and _is_required(field):
            raise BadInput(f"{path}.{name}", "This is needed.")
    hints = get_type_hints(kind, include_extras=True)
    values = {name: value_of(hints[name], value, f"{path}.{name}") for name, value in given.items()}
    try:
        return kind(**values, **ready)
    except BadInput as error:
        raise BadInput(f"{path}.{error.field}", error.message) from None


def written(instance: Any) -> dict[str, Any]:
    """The JSON object from which `read` makes an equal instance; fields that are None are left out."""
    values = {field.name: getattr(instance, field.name) for field in fields(instance)}
    return {name: value for name, value in values.items() if value is not None}


def as_object(data: object, path: str) -> Mapping[str, Any]:
    """The data itself when it is a JSON object; raises BadInput."""
    if not isinstance(data, Mapping):
        raise BadInput(path, "Give an object.")
    return data


def refuse_unknown(given: Mapping[str, Any], known: Collection[str], path: str) -> None:
    """Raises BadInput for the first unknown key."""
    for name in given:
        if name not in known:
            raise BadInput(f"{path}.{str(name)[:64]}", f"Unknown here. Known: {', '.join(known)}.")


def choice(choices: Iterable[T], value: object, path: str) -> T:
    """The value, if it is one of these; raises BadInput. True is not 1 here."""
    for one in choices:
        if type(value) is type(one) and value == one:
            return one
    raise BadInput(path, f"Give one of {', '.join(map(str, choices))}.")


def value_of(hint: Any, value: object, path: str) -> Any:
    """One value, checked against its annotation; raises BadInput."""
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        (hint,) = (arg for arg in get_args(hint) if arg is not types.NoneType)
    if get_origin(hint) is Literal:
        return choice(get_args(hint), value, path)
    if hint is bool:
        return _flag(value, path)
    base, limit = get_args(hint)
    return _text(value, path) if base is str else _number(base, limit, value, path)


def _number(base: type, limit: Between, value: object, path: str) -> Any:
    """True is not 1 here, and 2.0 is 2."""
    wanted = BadInput(path, f"Give {'a whole number' if base is int else 'a number'} {limit}.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wanted
    if not limit.low <= value <= limit.high or (base is int and value != int(value)):
        raise wanted
    return base(value)


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(path, "Give true or false.")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= LONGEST_TEXT:
        raise BadInput(path, f"Give a text of 1 to {LONGEST_TEXT} printable characters.")
    return value


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
