"""How one revision meets one release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Case, F, OuterRef, Subquery, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .blob import Blob
from .porting import LARGE
from .release import Release
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

VERDICTS = frozenset(
    {"applies", "merges", "upstream", "probably-upstream", "no-base", "conflicts", "not-for-this-tree"}
)


class FitQuerySet(WorkQuerySet):
    def queue_again(self, revisions: Sequence[int], release: Release, most: int) -> list[Any]:
        """Queue those again that are about another commit than the release pins now; return `most` of all that wait.

        The most used come first. What they were judged before is remembered, to tell what a moved branch changed.
        """
        of_these = self.filter(release=release, revision__in=revisions)
        _begin_again(of_these.exclude(release_commit=release.commit), release.commit)
        waiting = of_these.filter(state=QUEUED).select_related("release")
        used = ("-revision__contribution__running_count", "-revision__contribution__activity", "pk")
        return list(waiting.order_by(*used)[:most])

    def to_judge(self) -> Self:
        """With all that judging them reads, in the same query; what their revisions hold is long."""
        named = self.select_related("revision__contribution__component", "release__component")
        kept = named.select_related("revision__bundle", "revision__diff")
        return kept.defer(*(f"revision__{name}" for name in LARGE))

    def queue_on(self, revision: int, releases: QuerySet[Release]) -> list[Any]:
        """The same of one revision on many releases, by as few statements; all that wait, the newest release first."""
        of_these = self.filter(revision=revision, release__in=releases)
        pinned = Release.objects.filter(pk=OuterRef("release")).values("commit")
        _begin_again(of_these.exclude(release_commit=F("release__commit")), Subquery(pinned))
        waiting = of_these.filter(state=QUEUED).select_related("release")
        return list(waiting.order_by("-release__position", "-release_id"))

    def neighbours(self, component: int) -> Self:
        """What waits of a component and was not tried yet: the newest release and the most used first."""
        fresh = self.filter(state=QUEUED, attempts=0, revision__contribution__component=component)
        return fresh.order_by(
            "-release__position", "-revision__contribution__running_count", "-revision__contribution__activity", "pk"
        )

    def claim_neighbours(self, component: int, most: int) -> list[Any]:
        """Take at most so many of them that nobody else is about to take, in that order."""
        with transaction.atomic():
            free = self.neighbours(component).select_for_update(skip_locked=True, of=("self",))
            return self.claim_all(list(free.values_list("pk", flat=True)[:most]))

    def verdicts_before(self, release: Release, revisions: Any) -> dict[int, str]:
        """Of each revision, by its key, the verdict on the nearest release before this one that it was judged on."""
        earlier = self.filter(release__component=release.component_id, release__position__lt=release.position)
        judged = earlier.filter(revision__in=revisions, state__in=VERDICTS)
        nearest = judged.order_by("revision_id", "-release__position", "-release_id").distinct("revision_id")
        return dict(nearest.values_list("revision", "state"))

    def upstream_before(self, release: Release, revisions: Any) -> dict[int, str]:
        """Of each revision that upstream had by an earlier release, by its key, the name of the newest such one."""
        earlier = self.filter(release__component=release.component_id, release__position__lt=release.position)
        had = earlier.filter(revision__in=revisions, state=Fit.State.UPSTREAM)
        newest = had.order_by("revision_id", "-release__position", "-release_id").distinct("revision_id")
        return dict(newest.values_list("revision", "release__name"))


def _begin_again(fits: QuerySet[Any], commit: str | Subquery) -> None:
    verdict = Case(When(state__in=VERDICTS, then=F("state")), default=F("before"))
    again = {"state": QUEUED, "attempts": 0, "lease": None, "lease_until": None, "rung_at": None, "sentence": ""}
    fits.update(before=verdict, release_commit=commit, queued_at=Now(), **again)


UNCLEAR = frozenset({"conflicts", "probably-upstream"})  # what a reason is looked for


class Fit(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "judging"
        APPLIES = "applies", _("applies")
        MERGES = "merges", _("applies with a merge")
        UPSTREAM = "upstream", _("already upstream")
        PROBABLY_UPSTREAM = "probably-upstream", _("probably upstream")
        NO_BASE = "no-base", _("no base")
        CONFLICTS = "conflicts", _("conflicts")
        NOT_FOR_THIS_TREE = "not-for-this-tree", _("not for this tree")
        ERRORED = ERRORED

    class Way(models.TextChoices):
        EXACT = "exact", _("at the lines that it names")
        OFFSET = "offset", _("at other lines")
        THREE_WAY = "3-way", _("with a 3-way merge")
        CONTEXT = "context", _("by its context alone")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: VERDICTS | {QUEUED, ERRORED},
        ERRORED: frozenset({QUEUED}),
        # A person says of a commit that it is the patch, that it is not, or takes that back.
        **{verdict: frozenset({QUEUED, "upstream"}) - {verdict} for verdict in VERDICTS},
        "probably-upstream": frozenset({QUEUED, "upstream", "conflicts"}),
        "conflicts": frozenset({QUEUED, "upstream", "probably-upstream"}),
        "upstream": frozenset({QUEUED, "probably-upstream", "conflicts"}),
    }

    class Evidence(models.TextChoices):
        ANCESTOR = "ancestor", _("the release is built on the patch's own commit")
        CHANGE_ID = "change-id", _("a commit of upstream has the patch's Change-Id")
        PATCH_ID = "patch-id", _("a commit of upstream makes the very same change")
        REVERSE_APPLY = "reverse-apply", _("the patch can be taken off the release, line by line")
        EMPTY_MERGE = "empty-merge", _("merging the patch changes nothing in the release")
        SUBJECT = "subject", _("a commit of the release has the same subject, which is no proof")
        CONFIRMED = "confirmed", _("somebody who knows the patch compared the two")
        PICKED = "cherry-picked", _("the message names the commit of upstream that it was cherry-picked from")

        @classmethod
        def said(cls, word: str) -> str:
            """How we know that upstream has it, in words that go on a sentence."""
            return str(dict(cls.choices).get(word, word))

    # A word for each state, short enough for a cell.
    WORDS: ClassVar[dict[str, Any]] = {
        "": _("not tried"),
        QUEUED: _("waiting"),
        RUNNING: _("being judged"),
        "applies": _("applies"),
        "merges": _("merges"),
        "upstream": _("upstream"),
        "probably-upstream": _("probably upstream"),
        "no-base": _("no base"),
        "conflicts": _("conflicts"),
        "not-for-this-tree": _("not for this tree"),
        ERRORED: _("errored"),
    }

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="fits")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="fits")
    release_commit = models.CharField(max_length=64, help_text="The commit that the release pinned when it was judged.")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    before = models.CharField(
        max_length=20,
        blank=True,
        help_text="The verdict on the commit before of a branch that moved, or on the release before a new one.",
    )
    builds_at = models.DateTimeField(
        null=True, editable=False, help_text="When it is built: a branch that moves is built once a day."
    )
    tree = models.CharField(max_length=64, blank=True)
    commit = models.CharField(max_length=64, blank=True, help_text="The patched release, ready to be built.")
    upstream_commit = models.CharField(max_length=64, blank=True)
    evidence = models.CharField(max_length=20, blank=True, help_text="How we know that upstream has it.")
    namesake = models.CharField(
        max_length=64, blank=True, help_text="The commit of which a person is asked whether it is the patch."
    )
    conflicts = models.JSONField(default=list, help_text="The paths that conflict.")
    way = models.CharField(max_length=10, choices=Way, blank=True, help_text="Of what applies: how.")
    commits = models.JSONField(
        default=list, help_text="Of a series, per commit: sha, subject, state, upstream_commit, evidence, conflicts."
    )
    renames = models.JSONField(default=dict, help_text="Path of the patch -> where upstream moved that file.")
    blame = models.JSONField(
        default=list,
        help_text="Per conflicting path: path, why, commit, subject, author, at, merge of what is to blame; hunks.",
    )
    clash = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="Both sides of what conflicts, as JSON."
    )

    objects = FitQuerySet.as_manager()

    class Meta:
        ordering = ["-release__position", "pk"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="fit_waiting"),
            models.Index(fields=["builds_at"], condition=~models.Q(builds_at=None), name="fit_builds"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["revision", "release"], name="one_fit_of_a_revision_and_release")
        ]

    def __str__(self) -> str:
        return f"{self.revision} on {self.release}"

    def get_absolute_url(self) -> str:
        """The page that tells the reason; for another revision than the current one, `?revision=` follows."""
        return reverse("contribution-fit", args=[self.revision.contribution_id, self.release.name])

    @property
    def asked_about(self) -> str:
        """The commit of which a person is asked whether it is the patch; none where nothing is unclear."""
        return self.namesake or (self.upstream_commit if self.state == self.State.PROBABLY_UPSTREAM else "")

    @property
    def clashes(self) -> list[dict[str, Any]]:
        """Both sides of what conflicts, a file each: path, how, count, hunks."""
        files: list[dict[str, Any]] = json.loads(self.clash.read())["files"] if self.clash else []
        return files

    @property
    def word(self) -> str:
        return str(self.WORDS[self.state])

    @property
    def is_buildable(self) -> bool:
        return self.state in {self.State.APPLIES, self.State.MERGES}
