"""All that one frame of the view shows, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.monitoring.probe import TimedPrediction
from tidewheel.local.monitoring.progress import Progress
from tidewheel.local.monitoring.rates import Rates


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process of the system; `state` is a word for people."""

    name: str
    state: str
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `served`: window -> wall clock of the first reply that named its model. `every`: where there are
    several instruments, the frame of each, of which this is the one whose turn it is."""

    title: str
    footer: str
    now_ns: int
    up_s: float
    instrument: InstrumentState | None
    windowing: Windowing | None
    rates: Rates
    progress: Progress
    processes: Sequence[ProcessStatus] = ()
    predictions: Sequence[TimedPrediction] = ()
    predictor_error: str = ""
    served: Mapping[int, int] = field(default_factory=dict)
    dead_letters: int = 0
    last_dead_letter: str = ""
    messages: Sequence[str] = ()
    every: Sequence["Frame"] = ()

    @property
    def each(self) -> Sequence["Frame"]:
        """Of every instrument."""
        return self.every or (self,)

    @property
    def position(self) -> str:
        """Which of several instruments this is, empty where there is one."""
        if self.instrument is None or not self.every:
            return ""
        names = [one.instrument.name for one in self.every if one.instrument]
        return f"{self.instrument.name}, {names.index(self.instrument.name) + 1} of {len(names)}"

    @property
    def awaited(self) -> str:
        """What a run on a recorded file still waits for once its feed has ended, empty for nothing: windows that have
        closed and are not decided."""
        if self.instrument is None or self.windowing is None or not self.instrument.market.ended:
            return ""
        windows = self.instrument.runs.awaited(self.windowing.closed_by(self.instrument.orders.examples))
        more = f" and {len(windows) - 1} more" if len(windows) > 1 else ""
        return f"waiting for the training of window {windows[0]}{more}" if windows else ""


def empty_frame(
    title: str, footer: str, up_s: float, processes: Sequence[ProcessStatus], messages: Sequence[str]
) -> Frame:
    """A frame of a system that is still starting."""
    return Frame(title, footer, 0, up_s, None, None, Rates(), Progress(), processes, messages=messages)
