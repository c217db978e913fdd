"""Where a contribution stands on each release: totals and score, recomputed from rows and never added to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from contributions.ranking import Evidence, Voice, activity

from .baseline import RED, Word, compared
from .build import Build
from .carrying import Carry
from .contribution import Contribution
from .event import Event
from .fit import Fit
from .person import Membership
from .porting import holds_for, ports_by_release
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


class _Count:
    """All rows that speak for or against one contribution, read with a fixed number of queries."""

    def __init__(self, contribution: Contribution) -> None:
        self.contribution = contribution
        rows = Release.objects.supported().filter(component=contribution.component_id)
        supported: dict[int, bool] = dict(rows.values_list("pk", "is_candidate"))
        self.number, self.carries = self._carries()
        self.ports = self._ports()
        self.reports = self._reports()
        self.candidates = {pk for pk, is_candidate in supported.items() if is_candidate}
        self.releases = self._held_for(set(supported))
        self.votes = self._votes()
        self.fits: dict[int, str] = {
            row["release"]: row["state"] for row in self._shown(Fit).values("release", "state")
        }
        self.builds = list(self._shown(Build).originals().defer("recipe", "sandbox").order_by("release_id", "-serial"))
        self.compared = compared(build for build in self._newest_builds() if build.state in RED)
        self.now = timezone.now()

    def _held_for(self, supported: set[int]) -> set[int]:
        """A patch is tried on every release; what is not is held for those it was made for and those of reports."""
        if self.contribution.has_patch:
            return supported
        made_for = set(self.contribution.holds_for.values_list("pk", flat=True))
        if not made_for and self.contribution.release_id is not None:
            made_for = {self.contribution.release_id}
        return supported & {*made_for, *(report.release_id for report in self.reports)} if made_for else supported

    def _carries(self) -> tuple[int, dict[int, str]]:
        """The current one's number, and how far what was said of each holds for it; nothing of what is touched."""
        shown = Revision.objects.filter(pk__in=[self.contribution.current_id]).values_list("number", "carries").first()
        if shown is None:
            return 0, {}
        number, earlier = shown
        return number, {number: Carry.SAME} | {int(older): how for older, how in earlier.items()}

    def _holds(self, number: int | None, release: int | None = None) -> str:
        """How far what was said of the revision of that number holds for what stands on a release, or for the current.

        What was said before votes had a revision holds for the current one.
        """
        port = self.ports.get(release) if release else None
        if port is not None:
            return holds_for(port, number, current=self.number)
        return self.carries.get(number, Carry.TOUCHED) if number else Carry.SAME

    def _votes(self) -> list[tuple[int, int | None, int]]:
        """Value, the number of the revision that was voted on, and how often."""
        cast = self.contribution.votes.order_by().values_list("value", "revision__number")
        return list(cast.annotate(count=Count("pk")))

    def _cast(self, release: int | None = None) -> Counter[tuple[int, str]]:
        """How many votes of each value hold there, and how far."""
        votes: Counter[tuple[int, str]] = Counter()
        for value, number, count in self.votes:
            votes[value, self._holds(number, release)] += count
        return votes

    def _balance(self) -> tuple[int, int]:
        cast = self._cast()
        up, down = (cast[value, Carry.SAME] + cast[value, Carry.PARTLY] for value in (1, -1))
        return up, down

    def _ports(self) -> dict[int, Revision]:
        """By their release: what stands there in the place of the current revision, unless upstream has that."""
        ports = ports_by_release(self.contribution) if self.contribution.has_patch else {}
        if ports:
            taken = Fit.objects.filter(revision=self.contribution.current_id, state=Fit.State.UPSTREAM)
            for release in taken.filter(release__in=ports).values_list("release_id", flat=True):
                del ports[release]
        return ports

    def _shown(self, model: Any) -> Any:
        """Rows of what stands on each release: a port there, elsewhere the current revision."""
        of = Q(revision=self.contribution.current_id) & ~Q(release_id__in=self.ports)
        for release, port in self.ports.items():
            of |= Q(revision=port.pk, release=release)
        return model.objects.filter(of, release_id__in=self.releases)

    def _reports(self) -> list[Any]:
        """Reports that hold for what stands on their release, as `number` tells how far, without the author's voice.

        The author's are the person, whoever was the author before, the organisation that it was shared for and all that
        the person belongs to now.
        """
        author = self.contribution.author_id
        own = Q(author__in=[author, *self.contribution.former_authors]) | Q(
            organisation__in=Membership.objects.filter(person=author).values("organisation")
        )
        if self.contribution.organisation_id:
            own |= Q(organisation=self.contribution.organisation_id)
        numbers = {*self.carries, *(port.number for port in self.ports.values())}
        numbers |= {int(number) for port in self.ports.values() for number in port.carries}
        holding = FieldReport.objects.filter(contribution=self.contribution, revision__number__in=numbers)
        rows = holding.exclude(own).annotate(number=F("revision__number"))
        found: list[Any] = list(rows)
        return [row for row in found if self._holds(row.number, row.release_id) != Carry.TOUCHED]

    def _newest_builds(self) -> list[Build]:
        return [build for release in self.releases for build in self._last_builds(release)]

    def _last_builds(self, release: int) -> list[Build]:
        """The newest build on the release: asking again for the same build is not new evidence."""
        return [build for build in self.builds if build.release_id == release][:1]

    def evidence(self, release: int) -> Evidence:
        voices = tuple(
            self._voice(report)
            for report in self.reports
            if report.release_id == release and report.outcome != FieldReport.Outcome.PARTLY
        )
        builds, votes = self._last_builds(release), self._cast(release)
        return Evidence(
            up=votes[1, Carry.SAME],
            down=votes[-1, Carry.SAME],
            voices=voices,
            green_builds=sum(build.has_passed for build in builds),
            broken_builds=sum(self._broke(build) for build in builds),
            earlier_up=votes[1, Carry.PARTLY],
            earlier_down=votes[-1, Carry.PARTLY],
        )

    def _voice(self, report: Any) -> Voice:
        return Voice(
            report.outcome == FieldReport.Outcome.WORKS,
            report.stage,
            self.now - report.reported_at,
            is_earlier=self._holds(report.number, report.release_id) == Carry.PARTLY,
        )

    def _broke(self, build: Build) -> bool:
        """The patch broke it: the bare release passes what it fails."""
        found = self.compared.get(build.pk)
        return found is not None and found.word == Word.BROKEN_BY_PATCH

    def on(self, release: int) -> dict[str, Any]:
        evidence = self.evidence(release)
        outcomes = Counter(report.outcome for report in self.reports if report.release_id == release)
        builds = self._last_builds(release)
        return {
            "score": evidence.score,
            "parts": evidence.parts,
            "counts": evidence.counts,
            "fit": self.fits.get(release, ""),
            "port_id": self.ports[release].pk if release in self.ports else None,
            "works_count": outcomes[FieldReport.Outcome.WORKS],
            "broken_count": outcomes[FieldReport.Outcome.BROKEN],
            "build_state": builds[0].state if builds else "",
        }

    def overall(self, rows: list[Standing]) -> dict[str, Any]:
        final = [row for row in rows if row.release_id not in self.candidates]
        fits = Counter(row.fit for row in final)
        states = Counter(row.build_state for row in final)
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
        events = self.contribution.events.filter(verb__in=COUNTS_AS_EVIDENCE).exclude(revision__ports__isnull=False)
        return events.aggregate(last=Max("at"))["last"] or self.contribution.created_at
