"""Grafana's JSON of a dashboard, in its Classic schema, by Grafana's own SDK."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from tidewheel.observability.dashboards.annotations import Annotation, annotations
from tidewheel.observability.dashboards.panels import (
    GREEN,
    INSTRUMENT,
    OF_INSTRUMENT,
    ORANGE,
    Dashboard,
    Kind,
    Panel,
    Query,
    Unit,
    Variable,
)
from tidewheel.observability.grafana import DATASOURCE_NAME, DATASOURCE_UID
from tidewheel.observability.prometheus import SCRAPE_INTERVAL

TAG = "tidewheel"
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
# Where the documents lie: the repository has no address that holds everywhere.
DOCS = "docs"
# Of panels with an axis, and of lines of the page that have none.
HEIGHT, LOW = 8, 5
VALUE_SIZES = {HEIGHT: 72, LOW: 36}
COLUMNS = 24
SHOWN, REFRESHED = "now-15m", "10s"

B = TypeVar("B", timeseries.Panel, stat.Panel, statetimeline.Panel)


def dashboard_json(dashboard: Dashboard) -> str:
    """The text of its file."""
    built = json.loads(json.dumps(_dashboard(dashboard).build(), cls=JSONEncoder))
    for number, panel in enumerate(built["panels"], start=1):
        panel["id"] = number
    chosen = INSTRUMENT if OF_INSTRUMENT in dashboard.variables else ""
    # The SDK knows annotations of Grafana itself only; these are those of its Prometheus data source.
    built["annotations"]["list"] = [_annotation(one) for one in annotations(chosen)]
    return json.dumps(built, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _dashboard(dashboard: Dashboard) -> sdk.Dashboard:
    made = (
        sdk.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.questions)
        .tags([TAG])
        .time(SHOWN, "now")
        .refresh(REFRESHED)
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_to_the_others())
        .annotations([])
    )
    for variable in _variables(dashboard):
        made.with_variable(variable)
    for row in dashboard.rows:
        made.with_row(sdk.Row(row.title))
        for line in _lines_of(row.panels):
            height = LOW if all(panel.kind is Kind.NUMBER for panel in line) else HEIGHT
            for panel in line:
                made.with_panel(_panel(panel, height))
    return made


def _panel(panel: Panel, height: int) -> timeseries.Panel | stat.Panel | statetimeline.Panel:
    made = PANELS[panel.kind](panel).height(height)
    if isinstance(made, stat.Panel):
        made.text(common.VizTextDisplayOptions().title_size(14).value_size(VALUE_SIZES[height]))
    return made


def _lines_of(panels: Iterable[Panel]) -> list[list[Panel]]:
    """As they stand beside one another on the page."""
    lines: list[list[Panel]] = [[]]
    for panel in panels:
        if sum(one.width for one in lines[-1]) + panel.width > COLUMNS:
            lines.append([])
        lines[-1].append(panel)
    return lines


def _to_the_others() -> sdk.DashboardLink:
    return (
        sdk.DashboardLink("Tidewheel")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )


def _variables(dashboard: Dashboard) -> Iterator[sdk.DatasourceVariable | sdk.QueryVariable | sdk.TextBoxVariable]:
    ours = model.VariableOption(selected=True, text=DATASOURCE_NAME, value=DATASOURCE_UID)
    yield sdk.DatasourceVariable("datasource").label("Prometheus").type("prometheus").current(ours)
    for variable in dashboard.variables:
        yield _variable(variable)
    yield sdk.TextBoxVariable(DOCS).label("Where docs/ lies").default_value(DOCS)


def _variable(variable: Variable) -> sdk.QueryVariable:
    return (
        sdk.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(SOURCE)
        .query({"query": variable.query, "refId": variable.name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.NATURAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "name": annotation.name,
        "datasource": SOURCE.to_json(),
        "enable": True,
        "hide": False,
        "iconColor": annotation.colour,
        "expr": annotation.expr,
        "step": SCRAPE_INTERVAL,
        "titleFormat": annotation.name,
        "textFormat": annotation.text,
    }


def _described(made: B, panel: Panel) -> B:
    """What panels of all kinds have."""
    made.title(panel.question).description(panel.description).datasource(SOURCE).unit(panel.unit)
    made.span(panel.width).links([_to_the_runbook(panel)]).thresholds(_thresholds(panel))
    for number, query in enumerate(panel.queries):
        made.with_target(_query(number, query))
    if panel.words:
        words = {
            str(value): model.ValueMappingResult(text=text, color=colour)
            for value, (text, colour) in panel.words.items()
        }
        made.mappings([model.ValueMap(options=words)])
    if panel.least is not None:
        made.min(panel.least)
    if panel.most is not None:
        made.max(panel.most)
    if panel.decimals is not None:
        made.decimals(panel.decimals)
    named = {**(panel.colours or {}), **({"^none$": GREEN} if panel.unwanted else {})}
    for series, colour in named.items():
        fixed = {"mode": model.FieldColorModeId.FIXED, "fixedColor": colour}
        made.override_by_regexp(f"/{series}/", [model.DynamicConfigValue("color", fixed)])
    return made


def _to_the_runbook(panel: Panel) -> sdk.DashboardLink:
    place = panel.runbook.removeprefix(f"{DOCS}/")
    return (
        sdk.DashboardLink("Runbook").type(model.DashboardLinkType.LINK).url(f"${{{DOCS}}}/{place}").target_blank(True)
    )


def _thresholds(panel: Panel) -> sdk.ThresholdsConfig:
    steps = [model.Threshold(value=None, color=panel.first_colour)]
    steps += [model.Threshold(value=value, color=colour) for value, colour in (panel.steps or {}).items()]
    return sdk.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _query(number: int, query: Query) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(chr(ord("A") + number)).datasource(SOURCE)
    made.expr(query.expr).legend_format(query.legend).range()
    return made.exemplar(True) if query.of_a_histogram else made


POINTS = {"custom.drawStyle": "points", "custom.showPoints": "always", "custom.pointSize": 7}
DASHED = {"custom.lineStyle": {"fill": "dash", "dash": [4, 6]}, "custom.lineWidth": 1, "custom.showPoints": "never"}


def _lines(panel: Panel) -> timeseries.Panel:
    made = _series(panel).fill_opacity(12 if _has_area(panel) else 0).line_width(2)
    made.show_points(common_model.VisibilityMode.AUTO)
    for series, style in ((panel.points, POINTS), (panel.dashed, DASHED)):
        if series:
            made.override_by_regexp(f"/{series}/", [model.DynamicConfigValue(*one) for one in style.items()])
    if panel.lines:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED))
    if panel.log:
        made.scale_distribution(common.ScaleDistributionConfig().type(common_model.ScaleDistribution.LOG).log(10))
    return made


def _has_area(panel: Panel) -> bool:
    """Where lines lie over one another, or do not begin at 0, an area below them means nothing."""
    labels = {label for query in panel.queries for label in re.findall(r"{{(\w+)}}", query.legend)}
    return len(panel.queries) == 1 and panel.least == 0 and not panel.log and labels <= {"instrument"}


def _bars(panel: Panel) -> timeseries.Panel:
    stacked = common.StackingConfig().mode(common_model.StackingMode.NORMAL)
    return _series(panel).draw_style(common_model.GraphDrawStyle.BARS).fill_opacity(70).line_width(0).stacking(stacked)


def _series(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(common_model.LegendDisplayMode.LIST)
        .placement(common_model.LegendPlacement.BOTTOM)
    )
    tooltip = (
        common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI).sort(common_model.SortOrder.DESCENDING)
    )
    made = _described(timeseries.Panel(), panel).legend(legend).tooltip(tooltip).color_scheme(_colours(panel))
    if panel.reach is not None:
        made.axis_soft_min(panel.reach[0]).axis_soft_max(panel.reach[1])
    return made


def _colours(panel: Panel) -> sdk.FieldColor:
    if panel.unwanted:
        return sdk.FieldColor().mode(model.FieldColorModeId.SHADES).fixed_color(ORANGE)
    return sdk.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC)


def _number(panel: Panel) -> stat.Panel:
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    # The line of a date only rises.
    graph = common_model.BigValueGraphMode.NONE if panel.unit is Unit.DATE else common_model.BigValueGraphMode.AREA
    return (
        _described(stat.Panel(), panel)
        .reduce_options(newest)
        .text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(graph)
        .color_scheme(sdk.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )


def _states(panel: Panel) -> statetimeline.Panel:
    return (
        _described(statetimeline.Panel(), panel)
        .merge_values(True)
        .show_value(common_model.VisibilityMode.AUTO)
        .color_scheme(sdk.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )


PANELS: dict[Kind, Callable[[Panel], timeseries.Panel | stat.Panel | statetimeline.Panel]] = {
    Kind.LINES: _lines,
    Kind.BARS: _bars,
    Kind.NUMBER: _number,
    Kind.STATES: _states,
}
