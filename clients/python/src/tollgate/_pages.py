"""Lists that come in pages, item by item."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

Item_co = TypeVar("Item_co", covariant=True)
Item = TypeVar("Item")


class PageOf(Protocol[Item_co]):
    """What a method answers that lists something."""

    @property
    def data(self) -> Sequence[Item_co]: ...

    @property
    def next_cursor(self) -> str | None: ...


def iterate(list_page: Callable[..., PageOf[Item]], given: dict[str, Any]) -> Iterator[Item]:
    while True:
        page = list_page(**given)
        yield from page.data
        if page.next_cursor is None:
            return
        given = {**given, "cursor": page.next_cursor}


async def iterate_async(
    list_page: Callable[..., Awaitable[PageOf[Item]]], given: dict[str, Any]
) -> AsyncIterator[Item]:
    while True:
        page = await list_page(**given)
        for item in page.data:
            yield item
        if page.next_cursor is None:
            return
        given = {**given, "cursor": page.next_cursor}
