"""What a run tells its services."""

from dataclasses import replace
from pathlib import Path

from services.ingest.settings import Settings
from tests.unit.local.test_run_options import OPTIONS
from tidewheel.domain.feeds import Feed
from tidewheel.local.monitoring.monitor import Addresses
from tidewheel.local.processes.ports import Ports
from tidewheel.local.processes.services import INGEST, SERVICES, settings
from tidewheel.local.run_options import RunOptions
from tidewheel.runtime.settings import load

ADDRESSES = Addresses("127.0.0.1:9092", "redis://127.0.0.1:6379/0", "127.0.0.1:50051")
PORTS = Ports(9092, 9093, 6379, 50051, dict.fromkeys(SERVICES, 9101))


def ingest_settings(options: RunOptions) -> dict[str, str]:
    return settings(options, ADDRESSES, PORTS)[INGEST]


def test_ingest_makes_the_market_that_was_asked_for() -> None:
    asked = replace(OPTIONS, sim_seed=7, sim_edge=0.25, sim_flip_s=8_000)
    heard = load(Settings, ingest_settings(asked))
    assert (heard.sim_seed, heard.sim_edge, heard.sim_flip_s) == (7, 0.25, 8_000)


def test_a_recorded_file_has_no_market_to_make() -> None:
    recorded = replace(OPTIONS, feed=Feed("replay", Path("x.csv")), sim_flip_s=8_000)
    assert [name for name in ingest_settings(recorded) if "SIM" in name] == []
