"""Where a contribution stands on each release: totals and score, recomputed from rows and never added to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from .contribution import Contribution
from .counting import Rows, Tally
from .release import Release
from .revision import Revision
from .writing import save_together

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

UNIQUE = ["contribution", "release"]
COUNTED = ("score", "parts", "counts", "fit", "port", "works_count", "broken_count", "build_state")
TOTALS = (
    *("up", "down", "comment_count", "question_count", "running_count", "fit_count", "upstream_count"),
    *("release_count", "green_count", "red_count", "score", "activity", "waits_since"),
)


class StandingQuerySet(models.QuerySet["Standing"]):
    def recompute(self, contribution: Contribution) -> None:
        """Count everything anew, in the caller's transaction."""
        self.recompute_all([contribution.pk])
        contribution.refresh_from_db()

    def recompute_all(self, keys: Collection[int]) -> None:
        """The same of several contributions, by as many statements for one as for many.

        Their rows are locked, so that of two counts at once the older one cannot stay. What comes out as it was is not
        written again.
        """
        held = Contribution.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=keys).order_by("pk")
        contributions = list(held.defer("description", "description_html"))
        rows = Rows(contributions)
        tallies = [Tally(contribution, rows) for contribution in contributions]
        counted = [self._counted(tally) for tally in tallies]
        self._keep([row for rows in counted for row in rows], [row.pk for row in contributions])
        totals = [tally.overall(rows) for tally, rows in zip(tallies, counted, strict=True)]
        save_together(_changed(contributions, totals), TOTALS)

    @staticmethod
    def _counted(tally: Tally) -> list[Standing]:
        return [Standing(contribution=tally.contribution, release_id=pk, **tally.on(pk)) for pk in tally.releases]

    def _keep(self, rows: Iterable[Standing], keys: Sequence[int]) -> None:
        known = {(row.contribution_id, row.release_id): row for row in self.filter(contribution__in=keys).order_by()}
        new = [row for row in rows if not row.says_the_same_as(known.pop((row.contribution_id, row.release_id), None))]
        if known:
            self.filter(pk__in=[row.pk for row in known.values()]).delete()
        self.bulk_create(new, update_conflicts=True, unique_fields=UNIQUE, update_fields=COUNTED)


def _changed(contributions: Sequence[Contribution], totals: Sequence[dict[str, Any]]) -> list[Contribution]:
    """Those whose totals are others now; they are set."""
    changed = []
    for row, values in zip(contributions, totals, strict=True):
        if any(getattr(row, name) != value for name, value in values.items()):
            changed.append(row)
        for name, value in values.items():
            setattr(row, name, value)
    return changed


class Standing(models.Model):
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="standings")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="standings")
    score = models.FloatField(default=0)
    parts = models.JSONField(default=dict, help_text="The summands of the score by name.")
    counts = models.JSONField(default=dict, help_text="How many of each sort the parts are of, by the same names.")
    fit = models.CharField(
        max_length=20, blank=True, help_text="The state of its fit: the current revision's or a port's."
    )
    port = models.ForeignKey(
        Revision, on_delete=models.SET_NULL, null=True, related_name="+", help_text="The port that stands there."
    )
    works_count = models.PositiveIntegerField(default=0)
    broken_count = models.PositiveIntegerField(default=0)
    build_state = models.CharField(max_length=10, blank=True, help_text="The state of the last build.")

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["-release__position"]
        constraints = [models.UniqueConstraint(fields=["contribution", "release"], name="one_standing_on_a_release")]
        indexes = [
            models.Index(fields=["release", "-score", "-contribution"], name="standing_best"),
            models.Index(fields=["release", "fit"], name="standing_fit"),
        ]

    def __str__(self) -> str:
        return f"{self.contribution_id} on {self.release_id}: {self.score:.3f}"

    def says_the_same_as(self, other: Standing | None) -> bool:
        names = [field.attname for field in self._meta.concrete_fields if field.name in COUNTED]
        return other is not None and all(getattr(self, name) == getattr(other, name) for name in names)
