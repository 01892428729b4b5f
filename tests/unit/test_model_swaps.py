"""What the judge of swaps under load finds."""

import pytest

from tests.model_swaps import Caller

SCORES = {1: 0.25, 2: 0.5, 3: 0.75}


def caller(*answers: tuple[int, int, float]) -> Caller:
    made = Caller(SCORES)
    for answer in answers:
        made.take(*answer)
    return made


def test_publications_and_a_rollback_are_as_they_should_be() -> None:
    made = caller((1, 1, 0.25), (1, 3, 0.75), (1, 3, 0.75), (2, 1, 0.25), (2, 2, 0.5))
    assert (made.faults, made.answered, made.version) == ([], 5, (2, 2))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(1, 2, 0.5), (1, 1, 0.25)], "after version (1, 2) came (1, 1)"),
        ([(2, 1, 0.25), (1, 3, 0.75)], "after version (2, 1) came (1, 3)"),
        ([(1, 2, 0.25)], "0.25 is not the score of window 2, 0.5"),
        ([(1, 4, 0.5)], "0.5 is not the score of window 4, None"),
        ([(1, 2, float("nan"))], "nan is not the score of window 2, 0.5"),
    ],
    ids=["back", "an epoch back", "another model's score", "never published", "nan"],
)
def test_what_must_not_be_is_found(answers: list[tuple[int, int, float]], words: str) -> None:
    assert caller(*answers).faults == [words]
