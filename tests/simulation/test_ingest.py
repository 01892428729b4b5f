"""Found by a seed: an ingest that was asked to stop while the producer's queue was full, before its first second."""

from tests.simulation import runs
from tests.simulation.fault_plan import Fault

SEED = 3857


def test_asked_to_stop_before_its_first_second_it_ends_cleanly() -> None:
    full = Fault("error", "ingest-1", 2, "produce", how="full", more=3)
    asked = Fault("stop", "ingest-1", 40, more=1)
    outcome = runs.run(SEED, [full, asked])
    assert {fault.kind for fault in outcome.injected} == {"error", "stop"}
    assert outcome.failure == ""
