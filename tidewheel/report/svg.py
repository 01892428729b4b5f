"""Drawings as inline SVG: a plot with its axes, and what is put into it. Colours are classes of the page's style."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from tidewheel.report.markup import joined, tag
from tidewheel.report.scales import Scale, labels, ticks

WIDE, NARROW = 960, 440
Point = tuple[float, float]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Margins:
    """Room around a plot for its axes' labels."""

    left: float = 64
    right: float = 16
    top: float = 22
    bottom: float = 46


@dataclass(frozen=True, slots=True)
class Plot:
    """A field with two scales; y grows upwards."""

    x: Scale
    y: Scale

    @classmethod
    def of(cls, width: float, height: float, x: Range, y: Range, room: Margins = Margins()) -> "Plot":
        return cls(Scale(*x, room.left, width - room.right), Scale(*y, height - room.bottom, room.top))

    def at(self, point: Point) -> Point:
        return self.x(point[0]), self.y(point[1])

    def axes(
        self, x_name: str, y_name: str, x_about: int = 5, y_about: int = 5, x_ticks: list[float] | None = None
    ) -> Markup:
        """Grid, ticks and names of both axes. An empty name leaves the name out."""
        across = ticks(self.x.low, self.x.high, x_about) if x_ticks is None else x_ticks
        up = ticks(self.y.low, self.y.high, y_about)
        middle = (self.x.start + self.x.end) / 2, (self.y.start + self.y.end) / 2
        turned = f"rotate(-90 14 {coordinate(middle[1])})"
        return joined(
            (
                *(self.horizontal_line(value, "grid") for value in up),
                *(
                    label(self.x.start - 7, self.y(value) + 4, text, "end")
                    for value, text in zip(up, labels(up), strict=True)
                ),
                *(self.tick(value) for value in across),
                *(
                    label(self.x(value), self.y.start + 18, text, "middle")
                    for value, text in zip(across, labels(across), strict=True)
                ),
                line_segment((self.x.start, self.y.start), (self.x.end, self.y.start), "axis"),
                label(middle[0], self.y.start + 38, x_name, "middle", "name") if x_name else None,
                label(14, middle[1], y_name, "middle", "name", transform=turned) if y_name else None,
            )
        )

    def tick(self, value: float) -> Markup:
        return line_segment((self.x(value), self.y.start), (self.x(value), self.y.start + 4), "axis")

    def horizontal_line(self, value: float, kind: str) -> Markup:
        """A horizontal line over the whole width."""
        return line_segment((self.x.start, self.y(value)), (self.x.end, self.y(value)), kind)

    def vertical_line(self, value: float, kind: str) -> Markup:
        """A vertical line over the whole height."""
        return line_segment((self.x(value), self.y.start), (self.x(value), self.y.end), kind)

    def line(self, points: Iterable[Point], kind: str) -> Markup:
        """A line through the finite points, in their order."""
        coordinates = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in map(self.at, _finite(points)))
        return tag("polyline", class_=kind, points=coordinates)

    def bar(self, left: float, right: float, value: float, kind: str, title: str = "") -> Markup:
        """A bar from zero to a value, over a stretch of x."""
        x, y = sorted((self.x(left), self.x(right))), sorted((self.y(0.0), self.y(value)))
        return rect(x[0], y[0], x[1] - x[0], y[1] - y[0], kind, title)

    def dot(self, point: Point, kind: str, radius: float = 4, title: str = "") -> Markup:
        x, y = self.at(point)
        return tag("circle", tooltip(title), class_=kind, cx=coordinate(x), cy=coordinate(y), r=radius)

    def cross(self, point: Point, kind: str, reach: float = 4, title: str = "") -> Markup:
        (x, y), r = self.at(point), reach
        path = f"M{coordinate(x - r)} {coordinate(y - r)}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}"
        return tag("path", tooltip(title), class_=kind, d=path)


def coordinate(value: float) -> str:
    """A coordinate; a tenth of a unit is finer than any screen shows."""
    return f"{value:.1f}".removesuffix(".0")


def label(x: float, y: float, text: str, anchor: str = "start", kind: str = "tick", **more: object) -> Markup:
    return tag("text", text, x=coordinate(x), y=coordinate(y), text_anchor=anchor, class_=kind, **more)


def line_segment(one: Point, other: Point, kind: str) -> Markup:
    (x1, y1), (x2, y2) = one, other
    return tag("line", class_=kind, x1=coordinate(x1), y1=coordinate(y1), x2=coordinate(x2), y2=coordinate(y2))


def rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Markup:
    sizes = {"width": coordinate(max(width, 0.0)), "height": coordinate(max(height, 0.0))}
    return tag("rect", tooltip(title), class_=kind, x=coordinate(x), y=coordinate(y), **sizes)


def tooltip(title: str) -> Markup | None:
    """What a pointer resting on a mark is told."""
    return tag("title", title) if title else None


def svg(title: str, width: float, height: float, *parts: object) -> Markup:
    """A whole drawing; `title` says what it shows to those who do not see it."""
    shown = f"0 0 {coordinate(width)} {coordinate(height)}"
    return tag("svg", tag("title", title), *parts, role="img", aria_label=title, viewBox=shown)


def responsive(draw: Callable[[int], Markup]) -> Markup:
    """A wide drawing, and the same for a narrow screen: scaled down, its words could not be read."""
    return joined((tag("div", draw(WIDE), class_="wide"), tag("div", draw(NARROW), class_="narrow")))


def figure(drawn: Markup, *caption: object) -> Markup:
    return tag("figure", drawn, tag("figcaption", *caption))


def _finite(points: Iterable[Point]) -> Iterator[Point]:
    return (point for point in points if all(map(math.isfinite, point)))
