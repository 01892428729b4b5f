"""What came of a comparison: as values that the table and the page are made of, and as JSON for programs. Pure."""

from collections.abc import Sequence
from typing import Any

from backtest.parallel import ConfigurationResult
from backtest.plan import ComparisonRequest, Configuration
from backtest.training import TrainingResult
from tidewheel.domain.account import Account
from tidewheel.domain.comparison import Bounds, Comparison, History, Lead, Standing, leads
from tidewheel.domain.prices import decimal_text
from tidewheel.local.summary import training_run_summary


def summarize(request: ComparisonRequest, found: Sequence[Sequence[ConfigurationResult]]) -> Comparison:
    """How each configuration did on each file, and which is shown better than which."""
    return Comparison(
        tuple(
            History(
                str(file),
                tuple(standing(one, of.trained) for one, of in zip(request.configurations, each, strict=True)),
                leads([of.trained.flagged for of in each]),
            )
            for file, each in zip(request.files, found, strict=True)
        )
    )


def standing(configuration: Configuration, trained: TrainingResult) -> Standing:
    """One configuration on one file, from its scorecards."""
    cards = [run.scorecard for run in trained.runs if run.scorecard]
    bettor = _account(trained).bettor
    return Standing(
        name=configuration.name,
        windows=len(trained.runs),
        models=sum(run.published for run in trained.runs),
        rows=sum(card.rows for card in cards),
        flagged=sum(card.flagged for card in cards),
        net_e9=sum(card.flagged_pnl_e9 for card in cards),
        lift=_lift(trained),
        e_gross=bettor.e_gross,
        e_net=bettor.e_net,
        evidence=trained.pooled.evidence,
    )


def _account(trained: TrainingResult) -> Account:
    return trained.pooled.account or Account()


def _lift(trained: TrainingResult) -> Bounds | None:
    lift = trained.pooled.lift
    return (lift.value, lift.low, lift.high) if lift else None


def as_dict(
    request: ComparisonRequest, found: Sequence[Sequence[ConfigurationResult]], comparison: Comparison
) -> dict[str, Any]:
    """All of it as JSON. Counts and models are named as in the summary of a run, amounts are exact, as text."""
    return {
        "instrument": request.instrument,
        "looks": comparison.looks,
        "weak_at": comparison.weak_at,
        "strong_at": comparison.strong_at,
        "files": [
            {
                "file": history.name,
                "configurations": [
                    _configuration_dict(one, of, shown)
                    for one, of, shown in zip(request.configurations, each, history.standings, strict=True)
                ],
                "duels": [_lead_dict(lead, history, comparison) for lead in history.leads],
            }
            for history, each in zip(comparison.histories, found, strict=True)
        ],
    }


def _configuration_dict(configuration: Configuration, found: ConfigurationResult, shown: Standing) -> dict[str, Any]:
    lift = shown.lift
    return {
        "name": shown.name,
        "varied": dict(configuration.varied),
        **found.counts.as_dict(),
        "windows": shown.windows,
        "models_served": shown.models,
        "flagged": shown.flagged,
        "flagged_share": shown.flagged_share,
        "net": decimal_text(shown.net_e9),
        "net_an_order": None if shown.net_an_order_e9 is None else decimal_text(round(shown.net_an_order_e9)),
        "lift": None if lift is None else dict(zip(("value", "low", "high"), lift, strict=True)),
        "e_gross": shown.e_gross,
        "e_net": shown.e_net,
        "bets": _account(found.trained).bettor.bets,
        "evidence": shown.evidence,
        "models": [training_run_summary(run) for run in found.trained.runs],
    }


def _lead_dict(lead: Lead, history: History, comparison: Comparison) -> dict[str, Any]:
    return {
        "better": history.standings[lead.better].name,
        "worse": history.standings[lead.worse].name,
        "e": lead.e,
        "evidence": comparison.evidence(lead),
        "rounds": lead.rounds,
    }
