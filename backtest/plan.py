"""What is to be compared, as values: configurations, and the services' settings that each of them comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backtest.labeling import LabelingConfig
from services.ingest.settings import Settings as Ingest
from services.labeler.settings import Settings as Labeler
from services.orderbot.settings import Settings as Orderbot
from services.trainer.settings import Settings as Trainer
from tidewheel.local.processes.services import INGEST, as_environment, run_settings
from tidewheel.local.run_options import RunOptions
from tidewheel.runtime.settings import load

CONFIGURATIONS_MAX = 64


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration. `name`: what of it varies, in words; `varied`: the same by option, as text."""

    name: str
    varied: Mapping[str, str]
    labeling: LabelingConfig
    trainer: Trainer

    @classmethod
    def of(
        cls, varied: Mapping[str, str], options: RunOptions, more: Mapping[str, str], this_year: int
    ) -> "Configuration":
        """What a run with these options would tell its services, `more` being settings that it leaves to their
        environment, by name and as text. Raises SettingsError."""
        variables = {name: as_environment(dict(more)) | own for name, own in run_settings(options).items()}
        labeler_config = load(Labeler, variables["labeler"]).labeler_config
        ingest = load(Ingest, variables[INGEST])
        return cls(
            " ".join(f"{name} {value}" for name, value in varied.items()) or "as given",
            dict(varied),
            LabelingConfig(
                ingest.rules, load(Orderbot, variables["orderbot"]).rule, labeler_config, ingest.reading(this_year)
            ),
            load(Trainer, variables["trainer"]),
        )


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What to compare, checked. `partition`: of topic `examples`, where a run would have the instrument's rows."""

    files: tuple[Path, ...]
    configurations: tuple[Configuration, ...]
    instrument: str
    partition: int
    jobs: int
    backend: str

    @property
    def labelings(self) -> tuple[LabelingConfig, ...]:
        """Those that differ. Each file is labelled once for each of them."""
        return tuple(dict.fromkeys(one.labeling for one in self.configurations))
