"""What the generated methods send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from ._calls import Call, check_keywords

# Its body has an `external_id` too: beside an `organization_id` that sets it.
_SETS_EXTERNAL_ID = "PATCH /admin/organizations/{organization_id}"


class Lazily:
    """A module of this package that is imported when something of it is needed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(f"{__package__}.{self._name}"), name)


def build(name: str, given: Mapping[str, Any], idempotency_key: str | None = None) -> Call:
    """Puts each keyword into its place: path, query or body."""
    from ._management_types import CALLS  # when first needed, because it takes long

    operation, known, way, id_name = CALLS[name]
    rest = check_keywords(given, known)
    params = {
        parameter: _take(id_name if parameter == "id" else parameter, operation, rest)
        for parameter in re.findall(r"\{(\w+)\}", operation)
    }
    call = Call(operation=operation, params=params, idempotency_key=idempotency_key)
    if way == "body":
        return replace(call, body=rest)
    if way == "both":
        query = {name: rest.pop(name, None) for name in ("organization_id", "external_id")}
        return replace(call, query=query, body=rest)
    return replace(call, query=rest)


def _take(keyword: str, operation: str, rest: dict[str, Any]) -> str:
    if keyword == "organization_id":
        return _take_organization(operation, rest)
    return str(rest.pop(keyword, ""))


def _take_organization(operation: str, rest: dict[str, Any]) -> str:
    """In a path your own id stands for the organization's, with its kind in front."""
    organization_id = rest.pop("organization_id", None)
    if organization_id is None:
        return f"external_id:{rest.pop('external_id', None) or ''}"
    if operation != _SETS_EXTERNAL_ID and rest.pop("external_id", None) is not None:
        raise TypeError("Name the organization once: by organization_id or by external_id.")
    return str(organization_id)
