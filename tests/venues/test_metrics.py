"""Every metric that a rule or panel of live venues names is exported by who hears one: a run without has none."""

import time

from tests.promql import filled, metrics_named
from tests.venues.listener import listening, quick
from tests.venues.server import Peer, venue_server
from tests.venues.speakers import Kraken, Said
from tidewheel.observability.dashboards.venues import LIVE_VENUES
from tidewheel.observability.venue_rules import VENUE_ALERTS, VENUE_RECORDING_RULES
from tidewheel.telemetry.declaration import CATALOGUE, INGEST
from tidewheel.telemetry.exposition import registry_of

KRAKEN = Kraken()
QUERIES = [
    *(rule.expr for rule in (*VENUE_RECORDING_RULES, *VENUE_ALERTS)),
    *(filled(query.expr) for panel in LIVE_VENUES.panels for query in panel.queries),
]
RECORDED = {rule.name for rule in VENUE_RECORDING_RULES}


def exported() -> set[str]:
    """Names of samples of ingest's that tell of the venue, a number each."""
    return {
        sample.name
        for family in registry_of(INGEST).collect()
        for sample in family.samples
        if sample.labels.get("venue") == KRAKEN.name
    }


def test_all_that_is_asked_of_venues_is_exported_once_one_is_heard() -> None:
    async def quotes(peer: Peer) -> None:
        await peer.subscribed()
        now_us = time.time_ns() // 1000
        await peer.quote(*(Said(KRAKEN.wire, f"{n}.5", f"{n + 1}", seq=n, time_us=now_us + n) for n in range(1, 9)))
        await peer.stay()

    wanted = {name for expr in QUERIES for name in metrics_named(expr)} - RECORDED
    assert wanted == {name for name, one in CATALOGUE.series_names().items() if "venue" in one.labels}
    with (
        venue_server(KRAKEN, quotes) as server,
        listening([quick(KRAKEN)], [KRAKEN.symbol], server.url) as listener,
    ):
        listener.until(lambda heard: len(heard.ticks) >= 8)
        listener.until(lambda heard: len(heard.marks) >= 2)
    assert wanted - exported() == set()
    assert "tidewheel_venue_frame_total" not in exported(), "a planted renaming"
