"""When a crashed process is started again, and when it is given up: policy only, given times and reasons."""

from dataclasses import dataclass

from tidewheel.runtime.backoff import doubled_s


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """Bounds of the policy.

    The pause doubles from `pause_min_s` to `pause_max_s`, and is `pause_min_s` again after `healthy_s` of health: of
    being ready, or of living where it never got ready. The child is given up after `unready_max` starts in a row that
    neither got ready nor lived for `healthy_s`, `same_reason_max` crashes in a row for one and the same stated reason,
    or `crashes_max` crashes in a row; `healthy_s` of health between ends a row.

    It may be stalled, by its own word (which has a limit of its own) or by its silence, for `stalled_starting_s` until
    it is ready and for `stalled_ready_s` from then on; each time that it was killed for it doubles that, up to
    `stalled_factor_max` times as long, until it has been ready for `steady_s`: where others take the processor, a
    restart only makes it worse.
    """

    pause_min_s: float = 0.5
    pause_max_s: float = 10.0
    healthy_s: float = 30.0
    unready_max: int = 5
    crashes_max: int = 20
    same_reason_max: int = 3
    stalled_starting_s: float = 120.0
    stalled_ready_s: float = 15.0
    stalled_factor_max: int = 8
    steady_s: float = 600.0


class RestartPolicy:
    """The fate of one child. All times are of one monotonic clock."""

    def __init__(self, limits: RestartLimits) -> None:
        self._limits = limits
        self._started_at_s = 0.0
        self._ready_at_s: float | None = None
        self._unready = 0
        self._crashes = 0
        self._reason = ""
        self._same_reason = 0
        self._stalled_factor = 1

    @property
    def stalled_limit_s(self) -> float:
        """How long it may be stalled as it is now."""
        limits = self._limits
        usual_s = limits.stalled_starting_s if self._ready_at_s is None else limits.stalled_ready_s
        return usual_s * self._stalled_factor

    def started(self, now_s: float) -> None:
        """The child has been started."""
        self._started_at_s, self._ready_at_s = now_s, None

    def ready(self, now_s: float) -> None:
        """The child can do its work; told once a start."""
        self._ready_at_s = now_s
        self._unready = 0

    def crashed(self, now_s: float, reason: str = "", *, stalled: bool = False) -> float | None:
        """The child ended when it should not have: seconds to wait before the next start, None to give it up.

        `reason`: its own words for why, empty where it had none (a kill). A predictor without a model is never ready;
        so one that lived for a while is in order, unless it was `stalled`.
        """
        limits = self._limits
        if self._ready_at_s is None:
            healthy = now_s - self._started_at_s >= limits.healthy_s and not stalled
            self._unready = 0 if healthy else self._unready + 1
        else:
            healthy = now_s - self._ready_at_s >= limits.healthy_s
        if healthy:
            self._crashes = self._same_reason = 0
        if self._ready_at_s is not None and now_s - self._ready_at_s >= limits.steady_s:
            self._stalled_factor = 1
        if stalled:
            self._stalled_factor = min(2 * self._stalled_factor, limits.stalled_factor_max)
        self._ready_at_s = None
        self._crashes += 1
        self._same_reason = self._same_reason + 1 if reason and reason == self._reason else min(1, len(reason))
        self._reason = reason
        if (
            self._unready >= limits.unready_max
            or self._crashes >= limits.crashes_max
            or self._same_reason >= limits.same_reason_max
        ):
            return None
        return doubled_s(limits.pause_min_s, limits.pause_max_s, self._crashes)
