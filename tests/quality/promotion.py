"""What `promotion=proven` would have served, window after window."""

from dataclasses import dataclass, field

from services.trainer import gate, proof
from services.trainer.proof import Judged
from services.trainer.rows import Rows
from services.trainer.run import Candidate
from tidewheel.domain.models import Model, Scorecard


@dataclass
class Proven:
    """The model proven last, and the models made since, each judged on its next window beside it."""

    model: Model | None = None
    since: list[Judged] = field(default_factory=list)
    promoted: list[bool] = field(default_factory=list)

    def saw(self, candidate: Candidate, card: Scorecard, later: Rows) -> None:
        """A window's model, and how it did on the rows after it, which it is judged on once they are there."""
        shown = proof.weigh(self.since[::-1], self.model.seq if self.model else None)
        reason = gate.held_to(shown, gate.judge(candidate.twin, self.model, candidate.test)).reason
        self.promoted.append(reason is None)
        if reason is None:
            self.model, self.since = candidate.model, []
        else:
            self.since.append((card, proof.rival(self.model, later) if self.model else None))
