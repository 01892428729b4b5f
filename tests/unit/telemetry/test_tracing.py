"""Where spans stand: ids that all compute alike, headers that are read or refused, and what is recorded."""

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from tests.predictors import metric_value
from tidewheel.telemetry.tracing.context import HEADER, TraceContext, TraceparentError, derived, is_sampled, parse
from tidewheel.telemetry.tracing.tracer import LINKS_MAX, NO_TRACES, Span, Tracer, exemplar, spread

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEPT = "cb5d99f23c22b79d4ca090cc3ffb08af"
GOOD = f"00-{TRACE}-{SPAN}-01"


def tracer(ratio: float = 1.0, spans: list[Span] | None = None) -> Tracer:
    return Tracer("labeler", (spans if spans is not None else []).append, ratio)


def test_all_compute_the_same_ids_and_different_things_have_others() -> None:
    one, other = tracer(), tracer()
    assert one.second("sim:A", 7) == other.second("sim:A", 7)
    places = [one.second("sim:A", 7), one.second("sim:A", 8), one.second("sim:B", 7), one.run("sim:A", 7)]
    assert len({context.trace_id for context in places}) == len(places)
    assert derived(1, "a", "bc") != derived(1, "ab", "c")


def test_ids_stay_as_they_are() -> None:
    """Another release that derived others would cut traces in two while both run."""
    assert parse(tracer().second("sim:BTC-USD", 1_700_000_000).headers[0][1]).trace_id_hex == KEPT


def test_a_child_is_of_the_same_trace() -> None:
    second = tracer().second("sim:A", 7)
    child = second.within("orders")
    assert (child.trace_id, child.sampled) == (second.trace_id, second.sampled)
    assert child.span_id not in (second.span_id, second.within("labels").span_id)


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_what_is_sampled_is_what_opentelemetry_would_sample(ratio: float) -> None:
    sampler = TraceIdRatioBased(ratio)
    for number in range(300):
        trace_id = derived(0, number).trace_id
        theirs = sampler.should_sample(None, trace_id, "").decision is Decision.RECORD_AND_SAMPLE
        assert is_sampled(trace_id, ratio) == theirs


def test_a_header_says_what_was_put_into_it() -> None:
    for context in (derived(1, "a"), derived(0, "a")):
        ((name, value),) = context.headers
        assert (name, parse(value)) == (HEADER, context)
    assert parse(GOOD) == TraceContext(int(TRACE, 16), int(SPAN, 16), True)
    assert parse(f"cc-{TRACE}-{SPAN}-01-what-the-future-has") == parse(GOOD)


MALFORMED = [
    "",
    "nonsense",
    None,
    b"\xff\xfe",
    7,
    GOOD.upper(),
    GOOD + "-more",
    GOOD + "\n",
    f" {GOOD}",
    GOOD.replace("00-", "ff-", 1),
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}-{SPAN}",
    f"00-{TRACE[:-1]}-{SPAN}-01",
    f"cc-{TRACE}-{SPAN}-01." + "x",
    f"cc-{TRACE}-{SPAN}-01-" + "x" * 10**6,
    GOOD.replace("0af", "٠af", 1),
]


@pytest.mark.parametrize("value", MALFORMED, ids=lambda value: repr(value)[:40])
def test_what_is_no_header_is_counted_and_never_misread(value: object) -> None:
    before = invalid()
    assert tracer().incoming([("other", b"x"), (HEADER, value)], "ticks") is None
    assert invalid() == before + 1
    with pytest.raises(TraceparentError):
        parse(value)


def test_two_headers_are_none() -> None:
    before = invalid()
    assert tracer().incoming([(HEADER, GOOD), (HEADER, GOOD)], "ticks") is None
    assert invalid() == before + 1


def test_no_header_is_no_fault() -> None:
    before = invalid()
    assert [tracer().incoming(none, "ticks") for none in (None, [], {}, [("other", b"x")])] == [None] * 4
    assert tracer().incoming({HEADER: GOOD.encode()}, "ticks") == parse(GOOD)
    assert invalid() == before


def invalid() -> float:
    return metric_value("tidewheel_trace_headers_invalid_total", service="labeler", source="ticks")


def test_only_what_is_sampled_is_recorded() -> None:
    spans: list[Span] = []
    one = tracer(0.0, spans)
    for context in (one.second("sim:A", 7), one.fresh(), one.run("sim:A", 1), one.fresh(always=True)):
        one.record(Span("work", context, 1, 2))
    assert len(spans) == 2
    NO_TRACES.record(Span("work", one.run("sim:A", 1), 1, 2))
    assert not NO_TRACES.on


def test_a_sample_names_a_trace_that_is_kept() -> None:
    context = tracer().second("sim:A", 7)
    assert exemplar(context) == {"trace_id": context.trace_id_hex}
    assert exemplar(tracer(0).second("sim:A", 7)) is None
    assert exemplar(None) is None


def test_links_are_spread_over_all() -> None:
    links = [derived(1, number) for number in range(1_000)]
    kept = spread(links)
    assert (len(kept), kept[0], kept[1]) == (LINKS_MAX, links[0], links[10])
    assert spread(links[:5]) == links[:5]
