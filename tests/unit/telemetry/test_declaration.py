"""Declarations: names of instruments are bounded, and a service shows its own metrics and no other's."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tidewheel.telemetry import declaration
from tidewheel.telemetry.declaration import INGEST, INSTRUMENTS_MAX, SERVICES, Catalogue, Declarer, InstrumentNames
from tidewheel.telemetry.exposition import PROCESS_METRICS, exposition
from tidewheel.telemetry.metrics import CATALOGUE


@pytest.fixture
def declarer(monkeypatch: pytest.MonkeyPatch) -> Declarer:
    monkeypatch.setattr(declaration, "NAMES", InstrumentNames(2))
    return Declarer(Catalogue(CollectorRegistry(), {}, {}), (INGEST,))


def test_counters_of_many_instruments_are_one(declarer: Declarer) -> None:
    counter = declarer.counter("tidewheel_things_total", "A thing.", "instrument", "outcome")
    for name in ("sim:A", "sim:B", "sim:C", "sim:D", "sim:A"):
        counter.labels(name, "good").inc()
    value = declarer.catalogue.registry.get_sample_value
    counts = [
        value("tidewheel_things_total", {"instrument": name, "outcome": "good"})
        for name in ("sim:A", "sim:B", "other", "sim:C")
    ]
    assert counts == [2, 1, 2, None]


def test_no_gauge_speaks_for_many_instruments(declarer: Declarer) -> None:
    gauge = declarer.gauge("tidewheel_level", "A level.", "instrument")
    for name in ("sim:A", "sim:B", "sim:C"):
        gauge.labels(name).set(7)
    samples = [s.labels["instrument"] for family in declarer.catalogue.registry.collect() for s in family.samples]
    assert samples == ["sim:A", "sim:B"]


def test_what_names_no_instrument_takes_no_place(declarer: Declarer) -> None:
    counter = declarer.counter("tidewheel_things_total", "A thing.", "instrument")
    for name in ("", "sim:A", "sim:B", ""):
        counter.labels(name).inc()
    assert declarer.catalogue.registry.get_sample_value("tidewheel_things_total", {"instrument": ""}) == 2


def test_a_histogram_has_no_instrument(declarer: Declarer) -> None:
    with pytest.raises(ValueError, match="let it be one of all"):
        declarer.histogram("tidewheel_wait_seconds", "A wait.", (1.0,), "instrument")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_shows_its_own_only(service: str) -> None:
    content_type, text = exposition(service, "")
    assert content_type.startswith("text/plain")
    shown = {family.name for family in plain(text.decode())}
    own = {name.removesuffix("_total") for name, one in CATALOGUE.declared.items() if service in one.services}
    assert shown == own | {name.removesuffix("_total") for name in PROCESS_METRICS}


def test_who_takes_openmetrics_gets_it() -> None:
    content_type, text = exposition(INGEST, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    families = list(openmetrics(text.decode()))
    assert "tidewheel_ticks" in {family.name for family in families}
    assert not [s.name for family in families for s in family.samples if s.name.endswith("_created")]


def test_the_bound_is_kept_by_all() -> None:
    assert 0 < INSTRUMENTS_MAX <= 1_000
