"""The trainer's settings."""

from dataclasses import dataclass

from services.trainer.learning.learner import Loss, OptimizerKind
from services.trainer.promotion.gate import Promotion
from services.trainer.search.config import TrainingConfig
from services.trainer.search.criteria import Criterion, Goal
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.windows import Windowing
from tidewheel.registry.settings import RegistrySettings
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.settings import (
    decimal,
    instance_setting,
    log_level_setting,
    metrics_host_setting,
    metrics_port_setting,
    one_of,
    session_timeout_setting,
    setting,
    switch,
    text,
    whole,
)

# The rows of a window after the split must hold a mini-batch and two parts worth a statement.
WINDOW_MIN = 200


@dataclass(frozen=True, slots=True)
class Settings(RegistrySettings, KafkaSettings):
    """Filled from TIDEWHEEL_<NAME>."""

    exit_on: str = setting(
        one_of(*ExitOn),
        ExitOn.BID,
        meaning="The labeler's: what an order would have won without a spread is told by it.",
    )
    window: int = setting(
        whole(WINDOW_MIN, 1_000_000), 10_000, unit="examples", meaning="Resolved orders that make one model."
    )
    step: int = setting(
        whole(0, 1_000_000), 0, unit="examples", meaning="Resolved orders from one model to the next; 0: the window."
    )
    memory: int = setting(
        whole(1, 64),
        12,
        unit="windows",
        meaning="Windows that a model may be made of, its own among them; 1: the window alone.",
    )
    due_each: int = setting(
        whole(1, 1000),
        1,
        unit="windows",
        meaning="One window in so many is trained in any case, the ones between only where the models have drifted: "
        "with a step of 1,000, 10 is early windows on drift.",
    )
    trials: int = setting(whole(1, 1000), 10, unit="trials", meaning="Proposals of settings tried for a model.")
    promotion: str = setting(
        one_of(*Promotion),
        Promotion.FRESH,
        meaning="`fresh` serves the newest valid model, `proven` only one whose procedure is shown better.",
    )
    criterion: str = setting(one_of(*Goal), Goal.PRECISION_AT_TARGET_RECALL, meaning="What a model is tuned for.")
    recall_min: float = setting(decimal(0.01, 1), 0.25, meaning="The recall to keep.")
    precision_min: float = setting(decimal(0.01, 1), 0.6, meaning="The precision to keep, where recall is what counts.")
    beta: float = setting(decimal(0.01, 100), 1.0, meaning="How much recall weighs beside precision in `f_beta`.")
    optimizer: str = setting(one_of(*OptimizerKind), OptimizerKind.SGD, meaning="How gradients become steps.")
    loss: str = setting(one_of(*Loss), Loss.LOGISTIC, meaning="What a row costs.")
    positive_weight: str = setting(
        one_of("tuned", "balanced"),
        "tuned",
        meaning="Weight of PROFIT rows: `tuned`, or `balanced`, by which both classes weigh the same.",
    )
    uniqueness_weights: bool = setting(switch, False, meaning="Rows weigh by the average uniqueness of their labels.")
    early_stopping: bool = setting(
        switch, False, meaning="A setting may stop before its last epoch, where that was better on rows held out."
    )
    warm_start: bool = setting(
        switch,
        False,
        meaning="The search begins at the setting of the newest model before, instead of the same one each time.",
    )
    tuning_limit_s: float = setting(
        decimal(0, 3600), 60.0, unit="s", meaning="No further trial begins after so long; 0: no limit."
    )
    seed: int = setting(whole(0, 2**31 - 1), 1, meaning="Seed of search and shuffling.")

    # Not /tmp, which is memory on many systems; what is large and may go at any time belongs here.
    scratch_dir: str = setting(
        text,
        "/var/tmp",
        meaning="Folder on local disk for rows that wait: 29 MB an instrument, up to 80 MB where it falls behind, and "
        "nothing to keep. A folder that is memory, as `/tmp` is on many systems, would hold them in memory again.",
    )

    session_timeout_s: float = session_timeout_setting()
    instance: str = instance_setting(
        "",
        meaning="A name that outlives the process, another one for each trainer that shares the work: a killed one has "
        "its partitions back as soon as it is started again under its name. Empty: a new member each time.",
    )

    metrics_host: str = metrics_host_setting()
    metrics_port: int = metrics_port_setting(9104)
    log_level: str = log_level_setting()

    def __post_init__(self) -> None:
        """Raises ValueError where settings do not go together."""
        KafkaSettings.__post_init__(self)
        RegistrySettings.__post_init__(self)
        Windowing(self.window, self.step or self.window)

    def training(self) -> TrainingConfig:
        """What of this shapes a model."""
        return TrainingConfig(
            window=self.window,
            step=self.step or self.window,
            memory=self.memory,
            trials=self.trials,
            criterion=Criterion(Goal(self.criterion), self.recall_min, self.precision_min, self.beta),
            update=OptimizerKind(self.optimizer),
            loss=Loss(self.loss),
            balanced=self.positive_weight == "balanced",
            uniqueness_weights=self.uniqueness_weights,
            early_stopping=self.early_stopping,
            warm_start=self.warm_start,
            seed=self.seed,
        )
