"""What `models check` calls damage while models are published under its eyes."""

from collections.abc import Callable

from tidewheel.cli.model_check import confirmed
from tidewheel.registry.damage import Damage
from tidewheel.registry.verify import VerificationFailure


def damage(key: str) -> Damage:
    return Damage(key, VerificationFailure.HISTORY, "names nothing", "to be removed")


def looks(*each: list[Damage]) -> Callable[[], list[Damage]]:
    left = iter(each)
    return lambda: next(left)


def test_what_two_looks_name_is_damage_and_what_comes_and_goes_is_not() -> None:
    assert confirmed(looks([damage("a"), damage("b")], [damage("b"), damage("c")])) == [damage("b")]


def test_where_nothing_is_found_nobody_looks_again() -> None:
    assert confirmed(looks([])) == []
