"""An iterator asked for its first item early, so that what stands in its way is known before anything runs."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")


def prefetch_first(items: Iterator[T]) -> Iterator[T]:
    """The same items, the first of them fetched. Raises what fetching it raises."""
    return chain(list(islice(items, 1)), items)
