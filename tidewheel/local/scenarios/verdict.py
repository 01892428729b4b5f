"""What was seen of the alerts, and whether it is what should have been. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidewheel.local.scenarios.declared import Scenario


@dataclass(frozen=True, slots=True)
class Sample:
    """The alerts that fire at one time, in seconds of one clock."""

    at_s: float
    firing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Times:
    """When the fault was there and when it was undone; None: not yet."""

    fault_s: float | None = None
    undone_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fired_s`: seconds from the fault to its alert; `over_s`: from the fault undone to its end; None: not seen.
    `wrong`, `tolerated`: other alerts -> seconds from the fault."""

    scenario: str
    alert: str
    fired_s: float | None
    over_s: float | None
    wrong: Mapping[str, float]
    tolerated: Mapping[str, float]
    asked_over: bool = True

    @property
    def holds(self) -> bool:
        """The right alert fired and none other, and it is over where that was waited for."""
        return self.fired_s is not None and not self.wrong and (self.over_s is not None or not self.asked_over)

    @property
    def text(self) -> str:
        """One line for people."""
        others = [f"{name} fired too, after {at_s:.0f} s" for name, at_s in self.wrong.items()]
        others += [f"{name} fired after {at_s:.0f} s, as it may" for name, at_s in self.tolerated.items()]
        fired = f"fired after {self.fired_s:.0f} s" if self.fired_s is not None else "did not fire"
        over = f"over {self.over_s:.0f} s after the fault" if self.over_s is not None else "not over"
        parts = [f"{self.alert} {fired}", *([over] if self.asked_over and self.fired_s is not None else [])]
        return f"{self.scenario}: {'as it should be' if self.holds else 'WRONG'}: {', '.join([*parts, *others])}"


def judge(scenario: Scenario, samples: Sequence[Sample], times: Times, *, asked_over: bool = True) -> Verdict:
    """What the samples say. An alert that fires before the fault is there is one too many."""
    since_s = times.fault_s if times.fault_s is not None else samples[0].at_s if samples else 0.0
    first = {name: at_s - since_s for name, at_s in _first_seen(samples).items()}
    fired_s = first.pop(scenario.alert, None)
    if fired_s is not None and (times.fault_s is None or fired_s < 0):
        first[scenario.alert], fired_s = fired_s, None
    return Verdict(
        scenario.name,
        scenario.alert,
        fired_s,
        _over_s(scenario.alert, samples, times.undone_s) if fired_s is not None else None,
        {name: at_s for name, at_s in first.items() if name not in scenario.tolerated},
        {name: at_s for name, at_s in first.items() if name in scenario.tolerated},
        asked_over,
    )


def _first_seen(samples: Iterable[Sample]) -> dict[str, float]:
    found: dict[str, float] = {}
    for sample in samples:
        for name in sorted(sample.firing):
            found.setdefault(name, sample.at_s)
    return found


def _over_s(alert: str, samples: Sequence[Sample], undone_s: float | None) -> float | None:
    """Seconds until it fired no more, as of the last sample."""
    if undone_s is None or alert in samples[-1].firing or samples[-1].at_s < undone_s:
        return None
    last_firing = max(number for number, one in enumerate(samples) if alert in one.firing)
    return max(0.0, samples[last_firing + 1].at_s - undone_s)
