"""A Ctrl-C that Python lost is found again."""

import os
import signal

import pytest

from tidewheel.local.processes.signals import signals_interrupt


class Closing:
    """In whose destructor the signal comes, which ignores what is raised."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_came_in_a_destructor_is_raised_by_who_asks() -> None:
    with signals_interrupt() as interruption:
        interruption.check()
        closing = Closing()
        del closing  # nothing is raised here, and nothing would ever be
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_any_other_is_raised_where_it_comes() -> None:
    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        os.kill(os.getpid(), signal.SIGHUP)
