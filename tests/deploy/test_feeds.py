"""Feeds other than the simulator: a component, and one line of the overlay."""

from pathlib import Path

import pytest

from tests.deploy import rules
from tests.deploy.manifests import Object, Workload, environment, kubectl, objects, overlay_built, workloads
from tests.deploy.ways_out import VENUE_PORTS, outward
from tidewheel.domain.feeds import IG, VENUES

pytestmark = pytest.mark.skipif(kubectl() is None, reason="kubectl, which holds kustomize, is not on PATH")
POLICIES = "network-policies"


def built_with(folder: Path, feed: str, speed: str, *components: str) -> list[Object]:
    line = f"{{name: feed, behavior: merge, literals: ['TIDEWHEEL_FEED={feed}', TIDEWHEEL_SPEED={speed}]}}"
    return objects(overlay_built(components, folder, f"configMapGenerator: [{line}]"))


def breaches(manifest: list[Object]) -> list[str]:
    return [breach for rule in rules.RULES for breach in rule(manifest)]


def ingest_of(manifest: list[Object]) -> Workload:
    (ingest,) = [one for one in workloads(manifest) if one.component == "ingest"]
    return ingest


@pytest.mark.parametrize("venue", [*(one for one in VENUES if one != IG), "kraken,coinbase"])
def test_a_live_venue_is_a_line_and_a_component(venue: str, tmp_path: Path) -> None:
    manifest = built_with(tmp_path, venue, "1", POLICIES, "feed-live")
    assert environment(manifest, ingest_of(manifest).main)["TIDEWHEEL_FEED"] == venue
    assert breaches(manifest) == []


def test_a_venue_that_wants_a_login_says_so(tmp_path: Path) -> None:
    (breach,) = breaches(built_with(tmp_path, IG, "1", POLICIES, "feed-live"))
    assert "TIDEWHEEL_IG_KEY_FILE" in breach


def test_a_recorded_file_is_a_line_and_a_component(tmp_path: Path) -> None:
    manifest = built_with(tmp_path, "replay:/recordings/a.csv.gz", "max", POLICIES, "feed-replay")
    ingest = ingest_of(manifest)
    assert environment(manifest, ingest.main)["TIDEWHEEL_FEED"] == "replay:/recordings/a.csv.gz"
    assert {"name": "recordings", "mountPath": "/recordings", "readOnly": True} in ingest.main["volumeMounts"]
    assert breaches(manifest) == []


@pytest.mark.parametrize("components", [(POLICIES,), ("feed-live", POLICIES)])
def test_a_closed_way_to_a_venue_is_found(components: tuple[str, ...], tmp_path: Path) -> None:
    """Its component was left out, or comes too early to open what is not yet there."""
    found = list(outward(built_with(tmp_path, "kraken", "1", *components)))
    assert found == [f"ingest cannot leave by port {port}" for port in sorted(VENUE_PORTS)]


def test_an_open_way_that_nobody_needs_is_found(tmp_path: Path) -> None:
    found = list(outward(built_with(tmp_path, "sim", "1", POLICIES, "feed-live")))
    assert found == [f"ingest may leave by port {port}" for port in sorted(VENUE_PORTS)]


def test_a_way_to_neighbours_is_found(tmp_path: Path) -> None:
    manifest = built_with(tmp_path, "kraken", "1", POLICIES, "feed-live")
    (policy,) = [one for one in manifest if one["metadata"]["name"] == "to-venues"]
    policy["spec"]["egress"][0]["to"][0]["ipBlock"]["except"].remove("169.254.0.0/16")
    assert list(outward(manifest)) == ["0.0.0.0/0 leads to 169.254.169.254 too"]
