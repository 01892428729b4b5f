"""The 605 coefficients, of standardised features: what the model looks at, and how far back."""

import numpy as np
from markupsafe import Markup

from tidewheel.domain.features import FEATURE_NAMES, HISTORY_S
from tidewheel.domain.models import Float64, Model
from tidewheel.presentation.typography import hyperparameter, number
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.scales import labels, padded_range, ticks
from tidewheel.report.svg import Margins, Plot, figure, label, rect, responsive, svg

NAMED = len(FEATURE_NAMES) - HISTORY_S
HEIGHT, BAR_HEIGHT = 280, 30
LARGEST = 5


def section(report: RunReport) -> Markup | None:
    """The named coefficients as bars, those of the mids over their lags; None where the model is not here."""
    model = report.model
    if model is None:
        return None
    own = model.coefficients
    return joined((_words(model), _named(own[:NAMED]), _mids(own[NAMED:])))


def _words(model: Model) -> Markup:
    own = model.coefficients
    weights = int((own != 0).sum())
    text = (
        f"The model adds up {len(own)} features, each less its mean and divided by its standard deviation in the "
        f"training part, so that coefficients compare: positive speaks for PROFIT. {weights} of them are not zero; "
        f"intercept {number(model.intercept)}."
    )
    largest = [at for at in np.argsort(-np.abs(own), kind="stable")[:LARGEST] if own[at]]
    if largest:
        text += (
            " Largest: " + ", ".join(f"{FEATURE_NAMES[at]} {hyperparameter(float(own[at]))}" for at in largest) + "."
        )
    return tag("p", text)


def _named(own: Float64) -> Markup:
    low, high = padded_range(own.tolist(), 0.0)

    def draw(width: int) -> Markup:
        room = Margins(left=84, right=64, top=6, bottom=28)
        height = room.top + room.bottom + BAR_HEIGHT * NAMED
        plot = Plot.of(width, height, (min(low, -high / 20), max(high, -low / 20)), (0.0, float(NAMED)), room)
        across = ticks(plot.x.low, plot.x.high, 8 if width > 600 else 4)
        return svg(
            "Coefficients of the five named features",
            *(width, height),
            *(plot.vertical_line(value, "grid") for value in across),
            *(
                label(plot.x(v), plot.y.start + 18, text, "middle")
                for v, text in zip(across, labels(across), strict=True)
            ),
            plot.vertical_line(0.0, "axis"),
            *(part for row, value in enumerate(own.tolist()) for part in _bar(plot, row, value)),
        )

    return figure(
        responsive(draw),
        "The five named features: bid and offer of the instant, the day's opening mid, high and low.",
    )


def _bar(plot: Plot, row: int, value: float) -> tuple[Markup, ...]:
    """A bar with its name, and its value right of it: there it meets no name, whatever its sign."""
    top, (left, right) = plot.y.end + row * BAR_HEIGHT, sorted((plot.x(0.0), plot.x(value)))
    return (
        label(plot.x.start - 10, top + 20, FEATURE_NAMES[row], "end"),
        rect(left, top + 6, right - left, BAR_HEIGHT - 12, "bar" if value >= 0 else "bar against"),
        label(right + 6, top + 20, hyperparameter(value), "start", "tick halo"),
    )


def _mids(own: Float64) -> Markup:
    y = padded_range(own.tolist(), 0.0)
    lags = [(float(lag), float(value)) for lag, value in enumerate(own, start=1)]

    def draw(width: int) -> Markup:
        plot = Plot.of(
            width, HEIGHT, (0.0, float(HISTORY_S)), (min(y[0], -y[1] / 20), max(y[1], -y[0] / 20)), Margins(left=72)
        )
        every = 60.0 if width > 600 else 120.0
        return svg(
            "Coefficients of the mid prices of the 600 seconds before the order, by lag",
            *(width, HEIGHT),
            plot.axes(
                "seconds before the order",
                "coefficient",
                x_ticks=[k * every for k in range(int(HISTORY_S / every) + 1)],
            ),
            plot.horizontal_line(0.0, "axis"),
            plot.line(lags, "curve thin"),
        )

    text = (
        "The mid prices of the 600 seconds before the order, the newest to the left (lag 1 s). Neighbours are nearly "
        "the same price, so a smooth shape means more than a single peak."
    )
    return figure(responsive(draw), text)
