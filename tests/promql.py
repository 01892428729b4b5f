"""What PromQL queries name, by a parser of the language."""

from collections.abc import Iterator

import promql_parser


def selectors(expr: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every metric that a query names, with the labels that it asks for."""
    return list(_selectors(promql_parser.parse(expr)))


def metrics_named(expr: str) -> set[str]:
    """Without the labels."""
    return {name for name, _ in selectors(expr)}


def _selectors(node: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name, tuple(matcher.name for matcher in node.matchers.matchers)
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if (inner := getattr(node, part, None)) is not None:
            yield from _selectors(inner)
    for argument in getattr(node, "args", None) or ():
        yield from _selectors(argument)
