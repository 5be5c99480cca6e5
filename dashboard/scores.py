"""The scores of the selected device groups, and the impact of a recommendation on them, from stored sums alone."""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from remediation import scoring
from remediation.models import Recommendation, RecommendationCounter, RemediationType, ScoreSnapshot

from .groups import Selection, selection
from .numbers import CountOf, numbers
from .requests import Request

_DEVICES = ("devices_low", "devices_normal", "devices_high")
_SCORES = ("score_low", "score_normal", "score_high")
_BEFORE = ("before_low", "before_normal", "before_high")


# Points; less would round to nothing wherever it is shown.
_WORTH_A_WORD = 0.05


@dataclass(frozen=True)
class Weights:
    """By what the sums of the selected groups are divided: their devices by value, their configuration points."""

    devices_low: int
    devices_normal: int
    devices_high: int
    points: float
    # The exposure score of the selected groups, and the one that it would be without exceptions.
    score: float
    score_without_exceptions: float

    @classmethod
    def read(cls, answers: Any) -> "Weights":
        sums = {name: answers[f"weights_{name}"] or 0 for name in (*_DEVICES, *_SCORES, *_BEFORE)}
        return cls(
            **{name: round(sums[name]) for name in _DEVICES},
            points=answers["weights_points"] or 0.0,
            score=scoring.exposure_score_of(sums),
            score_without_exceptions=scoring.exposure_score_without_exceptions(sums),
        )

    @property
    def devices(self) -> int:
        return self.devices_low + self.devices_normal + self.devices_high

    @property
    def is_lowered(self) -> bool:
        """Whether exceptions make a difference that is worth a word."""
        return self.score_without_exceptions - self.score >= _WORTH_A_WORD

    def impacts(self, row: dict[str, Any]) -> tuple[float, float]:
        """On the exposure score and on the configuration score, from a row of `with_counts_in`."""
        drops = (row["in_drop_low"] or 0, row["in_drop_normal"] or 0, row["in_drop_high"] or 0)
        devices = (self.devices_low, self.devices_normal, self.devices_high)
        if row["remediation_type"] != RemediationType.CONFIGURATION_CHANGE:
            return scoring.exposure_impact(*drops, *devices), 0.0
        total, exposed = row["in_total"] or 0, (row["in_exposed"] or 0) - (row["in_mitigated"] or 0)
        return 0.0, scoring.configuration_impact(row["severity_score"], total, total - exposed, self.points)

    def held(self, row: dict[str, Any]) -> float:
        """Points by which the score in question is better for exceptions of it, from a row with its held sums."""
        if row["remediation_type"] == RemediationType.CONFIGURATION_CHANGE:
            total, mitigated = row["in_total"] or 0, row["in_mitigated"] or 0
            return scoring.configuration_impact(row["severity_score"], total, total - mitigated, self.points)
        low, normal, high = (row[f"in_held_{value}"] or 0 for value in scoring.VALUES)
        return scoring.exposure_impact(low, normal, high, self.devices_low, self.devices_normal, self.devices_high)

    def annotate(self, recommendations: QuerySet) -> QuerySet:
        """The same numbers in the database, to sort and to export by: `impact_exposure`, `impact_configuration`."""
        high = scoring.weight_high(self.devices)
        whole = (
            scoring.WEIGHT_LOW * self.devices_low
            + scoring.WEIGHT_NORMAL * self.devices_normal
            + high * self.devices_high
        )
        drop = (
            F("in_drop_low") * Value(scoring.WEIGHT_LOW)
            + F("in_drop_normal") * Value(scoring.WEIGHT_NORMAL)
            + F("in_drop_high") * Value(high)
        )
        exposed_share = Cast(F("in_exposed") - F("in_mitigated"), FloatField()) / F("in_total")
        setting = Case(
            When(
                remediation_type=RemediationType.CONFIGURATION_CHANGE,
                in_total__gt=0,
                then=Value(100.0 / self.points if self.points else 0.0) * F("severity_score") * exposed_share,
            ),
            default=Value(0.0),
            output_field=FloatField(),
        )
        exposure = ExpressionWrapper(drop * Value(1 / whole if whole else 0.0), output_field=FloatField())
        return recommendations.annotate(impact_exposure=exposure, impact_configuration=setting).annotate(
            impact=F("impact_exposure") + F("impact_configuration")
        )


def ask_weights(request: Request) -> None:
    numbers(request).ask(**weight_questions(selection(request)))


def weights(request: Request) -> Weights:
    return Weights.read(numbers(request))


def with_impacts(request: Request, recommendations: QuerySet) -> QuerySet:
    """Rows of `recommendations_in` with their impact on the selected groups; of the whole organisation it is there."""
    if selection(request).is_whole_organisation:
        return recommendations
    return weights(request).annotate(recommendations)


def weight_questions(groups: Selection) -> dict[str, Any]:
    """The expressions behind `Weights`, for any query of one row."""
    newest = ScoreSnapshot.objects.order_by("-day").values("day")[:1]
    today = ScoreSnapshot.objects.filter(day=Subquery(newest), group__in=groups.ids)
    sums = {f"weights_{name}": _sum(today, name) for name in (*_DEVICES, *_SCORES, *_BEFORE)}
    return {"weights_points": _sum(settings_in(groups), "severity_score"), **sums}


def settings_in(groups: Selection) -> QuerySet:
    """The configurations that apply to a device of the selected groups."""
    settings = Recommendation.objects.open().filter(
        remediation_type=RemediationType.CONFIGURATION_CHANGE, severity_score__gt=0
    )
    if groups.is_whole_organisation:
        return settings.filter(total__gt=0)
    here = RecommendationCounter.objects.filter(recommendation=OuterRef("pk"), group__in=groups.ids, total__gt=0)
    return settings.filter(Exists(here))


def _sum(queryset: QuerySet, name: str) -> Any:
    total = queryset.order_by().annotate(_one=Value(1)).values("_one").annotate(_sum=Sum(name)).values("_sum")
    return Coalesce(Subquery(total), 0.0, output_field=FloatField())


def count_of_related(queryset: QuerySet, link: str) -> Any:
    """How many rows of the queryset point at the row outside by `link`."""
    # By itself, not in COALESCE: then it hangs on the key alone and stays out of GROUP BY, once a row and not once a
    # joined row.
    return CountOf(queryset.filter(**{link: OuterRef("pk")}))
