"""Where a contribution stands on each release: totals and score, recomputed from rows and never added to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from contributions.ranking import Evidence, Voice, activity

from .build import Build
from .carrying import Carry
from .contribution import Contribution
from .event import Event
from .fit import Fit
from .person import Membership
from .release import Release
from .revision import Revision
from .voices import FieldReport, Review

if TYPE_CHECKING:
    from datetime import datetime

COUNTS_AS_EVIDENCE = (
    Event.Verb.SUBMITTED,
    Event.Verb.REVISED,
    Event.Verb.SHARED,
    Event.Verb.VOTED,
    Event.Verb.REPORTED,
    Event.Verb.BUILT,
    Event.Verb.REVIEWED,
)


class StandingQuerySet(models.QuerySet["Standing"]):
    def recompute(self, contribution: Contribution) -> None:
        """Count everything anew, in the caller's transaction.

        The contribution's row is locked, so that of two counts at once the older one cannot stay.
        """
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        count = _Count(contribution)
        rows = [Standing(contribution=contribution, release_id=pk, **count.on(pk)) for pk in count.releases]
        self.filter(contribution=contribution).exclude(release_id__in=count.releases).delete()
        names = [
            field.name
            for field in Standing._meta.concrete_fields
            if field.name not in {"id", "contribution", "release"}
        ]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["contribution", "release"], update_fields=names)
        Contribution.objects.filter(pk=contribution.pk).update(**count.overall(rows))
        contribution.refresh_from_db()


class Standing(models.Model):
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="standings")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="standings")
    score = models.FloatField(default=0)
    parts = models.JSONField(default=dict, help_text="The summands of the score by name.")
    counts = models.JSONField(default=dict, help_text="How many of each sort the parts are of, by the same names.")
    fit = models.CharField(max_length=20, blank=True, help_text="The state of the current revision's fit.")
    works_count = models.PositiveIntegerField(default=0)
    broken_count = models.PositiveIntegerField(default=0)
    build_state = models.CharField(max_length=10, blank=True, help_text="The state of the last build.")

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["-release__position"]
        constraints = [models.UniqueConstraint(fields=["contribution", "release"], name="one_standing_on_a_release")]
        indexes = [models.Index(fields=["release", "-score", "-contribution"], name="standing_best")]

    def __str__(self) -> str:
        return f"{self.contribution_id} on {self.release_id}: {self.score:.3f}"


class _Count:
    """All rows that speak for or against one contribution, read with a fixed number of queries."""

    def __init__(self, contribution: Contribution) -> None:
        self.contribution = contribution
        supported = Release.objects.supported().filter(component=contribution.component_id)
        self.carries = self._carries()
        self.reports = list(self._reports())
        self.releases = self._held_for(set(supported.values_list("pk", flat=True)))
        self.votes = self._votes()
        self.fits: dict[int, str] = dict(self._of_current(Fit).values_list("release_id", "state"))
        self.builds = list(self._of_current(Build).originals().order_by("release_id", "-serial"))
        self.bare_passes = self._bare_passes()
        self.now = timezone.now()

    def _held_for(self, supported: set[int]) -> set[int]:
        """A patch is tried on every release; what is not is held for those it was made for and those of reports."""
        if self.contribution.has_patch:
            return supported
        made_for = set(self.contribution.holds_for.values_list("pk", flat=True))
        if not made_for and self.contribution.release_id is not None:
            made_for = {self.contribution.release_id}
        return supported & {*made_for, *(report.release_id for report in self.reports)} if made_for else supported

    def _carries(self) -> dict[int, str]:
        """How far what was said of a revision holds for the current one, by its number; nothing of what is touched."""
        shown = Revision.objects.filter(pk__in=[self.contribution.current_id]).values_list("number", "carries").first()
        if shown is None:
            return {}
        number, earlier = shown
        return {number: Carry.SAME} | {int(older): how for older, how in earlier.items()}

    def _votes(self) -> Counter[tuple[int, str]]:
        """How many votes of each value hold, and how far; one of before votes had a revision holds."""
        cast = self.contribution.votes.order_by().values_list("value", "revision__number")
        votes: Counter[tuple[int, str]] = Counter()
        for value, number, count in cast.annotate(count=Count("pk")):
            votes[value, self.carries.get(number, Carry.TOUCHED) if number else Carry.SAME] += count
        return votes

    def _balance(self) -> tuple[int, int]:
        up, down = (self.votes[value, Carry.SAME] + self.votes[value, Carry.PARTLY] for value in (1, -1))
        return up, down

    def _of_current(self, model: Any) -> Any:
        return model.objects.filter(revision=self.contribution.current_id, release_id__in=self.releases)

    def _reports(self) -> Any:
        """Reports that hold for the current revision, as its `number` tells how far, without the author's own voice.

        The author's are the person, whoever was the author before, the organisation that it was shared for and all that
        the person belongs to now.
        """
        author = self.contribution.author_id
        own = Q(author__in=[author, *self.contribution.former_authors]) | Q(
            organisation__in=Membership.objects.filter(person=author).values("organisation")
        )
        if self.contribution.organisation_id:
            own |= Q(organisation=self.contribution.organisation_id)
        holding = FieldReport.objects.filter(contribution=self.contribution, revision__number__in=self.carries)
        return holding.exclude(own).annotate(number=F("revision__number"))

    def _bare_passes(self) -> set[tuple[int, str]]:
        passed = Build.objects.bare().filter(release_id__in=self.releases, state=Build.State.PASSED)
        return set(passed.values_list("release_id", "recipe_digest"))

    def _last_builds(self, release: int) -> list[Build]:
        """The newest build on the release: asking again for the same build is not new evidence."""
        return [build for build in self.builds if build.release_id == release][:1]

    def evidence(self, release: int) -> Evidence:
        voices = tuple(
            self._voice(report)
            for report in self.reports
            if report.release_id == release and report.outcome != FieldReport.Outcome.PARTLY
        )
        builds = self._last_builds(release)
        return Evidence(
            up=self.votes[1, Carry.SAME],
            down=self.votes[-1, Carry.SAME],
            voices=voices,
            green_builds=sum(build.has_passed for build in builds),
            broken_builds=sum(self._broke(build) for build in builds),
            earlier_up=self.votes[1, Carry.PARTLY],
            earlier_down=self.votes[-1, Carry.PARTLY],
        )

    def _voice(self, report: Any) -> Voice:
        return Voice(
            report.outcome == FieldReport.Outcome.WORKS,
            report.stage,
            self.now - report.reported_at,
            is_earlier=self.carries[report.number] == Carry.PARTLY,
        )

    def _broke(self, build: Build) -> bool:
        """The patch broke it: the build failed where the bare release passes."""
        failed = build.state in {Build.State.FAILED, Build.State.TIMED_OUT}
        return failed and (build.release_id, build.recipe_digest) in self.bare_passes

    def on(self, release: int) -> dict[str, Any]:
        evidence = self.evidence(release)
        outcomes = Counter(report.outcome for report in self.reports if report.release_id == release)
        builds = self._last_builds(release)
        return {
            "score": evidence.score,
            "parts": evidence.parts,
            "counts": evidence.counts,
            "fit": self.fits.get(release, ""),
            "works_count": outcomes[FieldReport.Outcome.WORKS],
            "broken_count": outcomes[FieldReport.Outcome.BROKEN],
            "build_state": builds[0].state if builds else "",
        }

    def overall(self, rows: list[Standing]) -> dict[str, Any]:
        fits = Counter(row.fit for row in rows)
        states = Counter(row.build_state for row in rows)
        judged = sum(count for fit, count in fits.items() if fit not in {"", "queued", "running"})
        up, down = self._balance()
        running = {r.organisation_id for r in self.reports if r.outcome == FieldReport.Outcome.WORKS}
        last = self._last_evidence()
        return {
            "up": up,
            "down": down,
            "comment_count": self.contribution.comments.standing().count(),
            "question_count": self.contribution.comments.open_questions().count(),
            "running_count": len(running),
            "fit_count": fits["applies"] + fits["merges"],
            "upstream_count": fits["upstream"],
            "release_count": judged,
            "green_count": states["passed"],
            "red_count": states["failed"] + states["timed-out"],
            "score": max((row.score for row in rows), default=0.0),
            "activity": activity(up, down, last),
            "waits_since": None if self._is_approved_by_somebody() else last.timestamp(),
        }

    def _is_approved_by_somebody(self) -> bool:
        in_force = Review.objects.in_force(self.contribution)
        return in_force.filter(verdict=Review.Verdict.APPROVE).exists()

    def _last_evidence(self) -> datetime:
        events = self.contribution.events.filter(verb__in=COUNTS_AS_EVIDENCE)
        return events.aggregate(last=Max("at"))["last"] or self.contribution.created_at
