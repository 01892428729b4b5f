"""What is kept of an instrument's versions, and of how many."""

from services.predictor.models.model_slot import ServingModel
from services.predictor.models.version_cache import VersionCache
from tests.synthetic_models import INSTRUMENT, make_model
from tidewheel.domain.models import Evidence, ModelPointer


def serving(seq: int, instrument: str = INSTRUMENT) -> ServingModel:
    return ServingModel.of(ModelPointer(instrument, seq, 1, "sha", "", Evidence.NONE, 1, seq, 2), make_model(seq))


def test_versions_of_an_instrument_are_kept_beside_one_another() -> None:
    cache, models = VersionCache[str](), [serving(seq) for seq in (1, 2, 3)]
    assert cache.get(models[0]) is None
    for model in models:
        cache.put(model, f"of {model.seq}")
    assert [cache.get(model) for model in models] == ["of 1", "of 2", "of 3"]
    assert cache.get(serving(1, "sim:ETH-USD")) is None


def test_a_value_made_anew_takes_the_place_of_the_one_before() -> None:
    cache = VersionCache[str]()
    for seq, value in ((1, "stale"), (2, "other"), (1, "fresh"), (2, "other"), (2, "newer")):
        cache.put(serving(seq), value)
    assert (cache.get(serving(1)), cache.get(serving(2)), len(cache)) == ("fresh", "newer", 2)


def test_of_other_versions_the_oldest_go_and_the_last_one_of_an_instrument_never() -> None:
    cache = VersionCache[int](others_max=2)
    cache.put(serving(1, "sim:ETH-USD"), 1)
    for seq in range(1, 6):
        cache.put(serving(seq), seq)
    assert [cache.get(serving(seq)) for seq in range(1, 6)] == [None, None, 3, 4, 5]
    assert (cache.get(serving(1, "sim:ETH-USD")), len(cache)) == (1, 4)
