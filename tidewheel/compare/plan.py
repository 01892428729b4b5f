"""What is to be compared, as values: configurations, and the services' settings that each of them comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.ingest.settings import Settings as Ingest
from services.labeler.settings import Settings as Labeler
from services.orderbot.settings import Settings as Orderbot
from services.trainer.settings import Settings as Trainer
from tidewheel.compare.labelling import Labelling
from tidewheel.local.children.services import INGEST, chosen, named
from tidewheel.local.run_options import RunOptions
from tidewheel.runtime.settings import load

CONFIGURATIONS_MAX = 64


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration. `name`: what of it varies, in words; `varied`: the same by option, as text."""

    name: str
    varied: Mapping[str, str]
    labelling: Labelling
    trainer: Trainer

    @classmethod
    def of(cls, varied: Mapping[str, str], options: RunOptions, more: Mapping[str, str]) -> "Configuration":
        """What a run with these options would tell its services, `more` being settings that it leaves to their
        environment, by name and as text. Raises BadSettings."""
        told = {name: named(dict(more)) | own for name, own in chosen(options).items()}
        labels = load(Labeler, told["labeler"]).labels
        return cls(
            " ".join(f"{name} {value}" for name, value in varied.items()) or "as given",
            dict(varied),
            Labelling(load(Ingest, told[INGEST]).rules, load(Orderbot, told["orderbot"]).rule, labels),
            load(Trainer, told["trainer"]),
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What to compare, checked. `partition`: of topic `examples`, where a run would have the instrument's rows."""

    files: tuple[Path, ...]
    configurations: tuple[Configuration, ...]
    instrument: str
    partition: int
    jobs: int
    backend: str

    @property
    def labellings(self) -> tuple[Labelling, ...]:
        """Those that differ. Each file is labelled once for each of them."""
        return tuple(dict.fromkeys(one.labelling for one in self.configurations))
