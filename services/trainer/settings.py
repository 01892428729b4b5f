"""What the trainer can be told."""

from dataclasses import dataclass

from services.trainer.config import TrainingConfig
from services.trainer.criteria import Criterion, Goal
from services.trainer.gate import Promotion
from services.trainer.learner import Loss, Update
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.windows import Windowing
from tidewheel.registry.client import checked_url
from tidewheel.runtime.settings import decimal, level, name, one_of, setting, switch, text, whole

# The rows of a window after the split must hold a mini-batch and two parts worth a statement.
WINDOW_MIN = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """Filled from TIDEWHEEL_<NAME>."""

    kafka: str = setting(text, "127.0.0.1:9092")
    # Secret, since a URL may hold a password.
    redis: str = setting(checked_url, "redis://127.0.0.1:6379/0", secret=True)
    # Where set, models are signed with it.
    hmac_key: str = setting(text, "", secret=True)

    # The labeler's: what an order would have won without a spread is told by it.
    exit_on: str = setting(one_of(*(exit_on.name.lower() for exit_on in ExitOn)), "bid")
    window: int = setting(whole(WINDOW_MIN, 1_000_000), 10_000)
    # 0: as large as the window.
    step: int = setting(whole(0, 1_000_000), 0)
    # Windows that a model may be made of, its own among them; 1: the window alone.
    memory: int = setting(whole(1, 64), 12)
    # One window in so many is trained in any case, the ones between only where the models have drifted.
    due_each: int = setting(whole(1, 1000), 1)
    trials: int = setting(whole(1, 1000), 10)
    promotion: str = setting(one_of(*Promotion), Promotion.FRESH)
    criterion: str = setting(one_of(*Goal), Goal.PRECISION_AT_TARGET_RECALL)
    recall_min: float = setting(decimal(0.01, 1), 0.25)
    precision_min: float = setting(decimal(0.01, 1), 0.6)
    # How much recall weighs beside precision where the criterion is f_beta.
    beta: float = setting(decimal(0.01, 100), 1.0)
    optimizer: str = setting(one_of(*Update), Update.SGD)
    loss: str = setting(one_of(*Loss), Loss.LOGISTIC)
    # `tuned`, or `balanced`: both classes weigh the same.
    positive_weight: str = setting(one_of("tuned", "balanced"), "tuned")
    # Rows weigh by the average uniqueness of their labels.
    uniqueness_weights: bool = setting(switch, False)
    early_stopping: bool = setting(switch, False)
    # The search begins at the setting of the newest model before, instead of the same one each time.
    warm_start: bool = setting(switch, False)
    # No further trial begins after so long; 0: no limit.
    tuning_limit_s: float = setting(decimal(0, 3600), 60.0)
    seed: int = setting(whole(0, 2**31 - 1), 1)

    # A folder on local disk for rows that wait. Not /tmp, which is memory on many systems; what is large and may go at
    # any time belongs here.
    scratch_dir: str = setting(text, "/var/tmp")

    # After a kill the broker gives this process's partitions away once its session is over.
    session_timeout_s: float = setting(decimal(1, 300), 6.0)
    # A name that outlives the process, one for each: a killed trainer gets its partitions back at once when it starts
    # again under its name. Empty: a new member each time.
    instance: str = setting(name, "")

    metrics_port: int = setting(whole(0, 65_535), 9104)
    log_level: str = setting(level, "INFO")

    def __post_init__(self) -> None:
        """Raises ValueError where window and step do not go together."""
        Windowing(self.window, self.step or self.window)

    def training(self) -> TrainingConfig:
        """What of this shapes a model."""
        return TrainingConfig(
            window=self.window,
            step=self.step or self.window,
            memory=self.memory,
            trials=self.trials,
            criterion=Criterion(Goal(self.criterion), self.recall_min, self.precision_min, self.beta),
            update=Update(self.optimizer),
            loss=Loss(self.loss),
            balanced=self.positive_weight == "balanced",
            uniqueness_weights=self.uniqueness_weights,
            early_stopping=self.early_stopping,
            warm_start=self.warm_start,
            seed=self.seed,
        )
