"""Makes dataclasses of JSON. Fields that a class does not know are left out, so newer servers break no older client."""

from __future__ import annotations

import dataclasses
import types
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Answer = TypeVar("Answer")


def read_dataclass(kind: type[Answer], value: dict[str, Any]) -> Answer:
    """A field that is absent is None: an older server does not know it."""
    hints: dict[str, Any] = _read_hints(kind)  # type: ignore[arg-type]
    rest = _find_rest(kind)  # type: ignore[arg-type]
    fields = {name: _read(hint, value.get(_to_key(name))) for name, hint in hints.items() if name != rest}
    if rest is not None:
        known = {_to_key(name) for name in fields}
        fields[rest] = _read(hints[rest], {name: item for name, item in value.items() if name not in known})
    return kind(**fields)


@lru_cache(maxsize=None)
def _find_rest(kind: Any) -> str | None:
    """The field that takes what has no field of its own: meters that the operator defined."""
    return next((field.name for field in dataclasses.fields(kind) if field.metadata.get("rest")), None)


@lru_cache(maxsize=None)
def _read_hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _to_key(name: str) -> str:
    """`from_` is `from` in JSON, where that is no keyword."""
    return name.removesuffix("_")


def _read(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return read_dataclass(hint, value) if isinstance(value, dict) else value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list and isinstance(value, list):
        return [_read(arguments[0], item) for item in value]
    if origin is dict and isinstance(value, dict):
        return {key: _read(arguments[1], item) for key, item in value.items()}
    if origin in (Union, types.UnionType):
        return _read(_choose(arguments, value), value)
    return value


def _choose(hints: tuple[Any, ...], value: Any) -> Any:
    """Of several classes the one whose literal fields have the values that are there."""
    for hint in hints:
        if isinstance(value, list) and get_origin(hint) is list:
            return hint
        if isinstance(value, dict) and (get_origin(hint) is dict or _matches(hint, value)):
            return hint
    return Any


def _matches(hint: Any, value: dict[str, Any]) -> bool:
    if not (dataclasses.is_dataclass(hint) and isinstance(hint, type)):
        return False
    literals = [(name, get_args(of)) for name, of in _read_hints(hint).items() if get_origin(of) is Literal]
    return all(value.get(_to_key(name)) in known for name, known in literals)
