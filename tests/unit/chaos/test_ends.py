"""Which ends of the run's services are told of: those by a code of their own, while there was a broker."""

from pathlib import Path

import pytest

from tests.system.chaos.ends import RETURN_S, ServiceEnds

GAVE_UP = "labeler restarting: ended with code 1: 2027-01-05 labeler ERROR no transaction succeeds any more: x"


class Run:
    """What a run says, at times of the test."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "out.txt"
        self.output.write_text("")
        self.now_s = 0.0
        self.ends = ServiceEnds(self.output, ("labeler", "ingest"), lambda: self.now_s)

    def says(self, text: str, at_s: float = 0.0) -> None:
        with self.output.open("a") as output:
            output.write(text)
        self.now_s = at_s
        self.ends.look()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        "labeler restarting: ended with code 1: x; starting again in 0.5 s",
        "labeler failed: labeler keeps failing: ended with code 1: x",
        "ingest restarting: ended with code 2: x",
    ],
)
def test_an_end_by_itself_is_a_fault(run: Run, words: str) -> None:
    run.says(f"10:00:00 {words}\n")
    (fault,) = run.ends.faults
    assert "ended with code" in fault
    assert run.ends.excused == []


@pytest.mark.parametrize(
    "words",
    [
        "labeler restarting: ended by signal 9; starting again in 0.5 s",
        "labeler restarting: killed, since it stood still; starting again in 0.5 s",
        "labeler restarting: ended with code 0: labeler INFO stopped; starting again in 0.5 s",
        "trainer restarting: ended with code 1: x, while redis was away",
        "labeler ready",
    ],
)
def test_other_words_are_none(run: Run, words: str) -> None:
    run.says(f"10:00:00 {words}\n")
    assert run.ends.faults == run.ends.excused == []


def test_a_line_counts_once_and_when_it_is_whole(run: Run) -> None:
    run.says(f"10:00:00 labeler ready\n10:00:01 {GAVE_UP[:40]}")
    assert run.ends.faults == []
    run.says(f"{GAVE_UP[40:]}\n")
    run.says("10:00:02 labeler ready\n")
    assert len(run.ends.faults) == 1


def test_without_a_broker_it_is_excused_till_that_is_back_for_a_while(run: Run) -> None:
    run.ends.broker_went()
    run.says(f"{GAVE_UP}\n", 100.0)
    run.ends.broker_came()
    run.says(f"{GAVE_UP}\n", 99.9 + RETURN_S)
    assert (len(run.ends.excused), run.ends.faults) == (2, [])
    run.says(f"{GAVE_UP}\n", 100.1 + RETURN_S)
    assert (len(run.ends.excused), len(run.ends.faults)) == (2, 1)


def test_of_its_own_broker_the_run_says_when_it_is_away(run: Run) -> None:
    run.says(f"kafka restarting: ended by signal 9\n{GAVE_UP}, while kafka was away\n", 20.0)
    run.says(f"kafka starting\n{GAVE_UP}\nkafka ready\n", 40.0)
    run.says(f"{GAVE_UP}\n", 40.1 + RETURN_S)
    assert (len(run.ends.excused), len(run.ends.faults)) == (2, 1)
