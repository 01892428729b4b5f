"""What `promotion=proven` would have served, window after window."""

from dataclasses import dataclass, field

from services.trainer.dataset.rows import Rows
from services.trainer.modelling.assembly import Candidate
from services.trainer.promotion import gate, proof
from services.trainer.promotion.proof import JudgedModel
from tidewheel.domain.models import Model, Scorecard


@dataclass
class Proven:
    """The model proven last, and the models made since, each judged on its next window beside it."""

    model: Model | None = None
    since: list[JudgedModel] = field(default_factory=list)
    promoted: list[bool] = field(default_factory=list)

    def update(self, candidate: Candidate, card: Scorecard, later: Rows) -> None:
        """A window's model, and how it did on the rows after it, which it is judged on once they are there."""
        shown = proof.assess(self.since[::-1], self.model.seq if self.model else None)
        reason = gate.require_proof(shown, gate.decide(candidate.holdout_model, self.model, candidate.test)).reason
        self.promoted.append(reason is None)
        if reason is None:
            self.model, self.since = candidate.model, []
        else:
            self.since.append((card, proof.champion(self.model, later) if self.model else None))
