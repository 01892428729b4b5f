"""Recording and alerting rules as values, and as the YAML that Prometheus reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

RUNBOOKS = "docs/runbooks.md"
EVALUATION_INTERVAL = "5s"
MADE = "# Made by `make generate` from tidewheel/observability; change that.\n"


class Severity(StrEnum):
    """How soon somebody has to look: `critical` now, since something that is served or kept is at stake."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A query under a name `level:metric:operation`. `meaning`: for the documents."""

    name: str
    expr: str
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expr}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert. `held`: how long the query must hold before it fires. `kept`: how long it fires on afterwards, for what
    happens in an instant. `summary`: one line, with labels as `{{ … }}`."""

    name: str
    severity: Severity
    expr: str
    held: str
    summary: str
    description: str
    kept: str = ""

    @property
    def runbook(self) -> str:
        """Where its runbook stands."""
        return f"{RUNBOOKS}#{self.name.lower()}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.held,
            **({"keep_firing_for": self.kept} if self.kept else {}),
            "labels": {"severity": str(self.severity)},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": self.runbook,
            },
        }


def rules_yaml(group: str, rules: Sequence[RecordingRule | AlertRule]) -> str:
    """A rule file with one group."""
    groups = [{"name": group, "interval": EVALUATION_INTERVAL, "rules": [rule.as_dict() for rule in rules]}]
    return as_yaml({"groups": groups})


def as_yaml(value: Any) -> str:
    """YAML in the order given, with a line that says where it comes from."""
    return MADE + yaml.safe_dump(value, sort_keys=False, width=1_000, allow_unicode=True)
