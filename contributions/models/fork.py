"""A customer's own fork, taken apart: what upstream has, what the portal has, and what only they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .blob import Blob
from .component import Component
from .contribution import TITLE_LENGTH, Contribution
from .fit import Fit
from .person import Membership, Organisation, Person
from .release import Release
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from datetime import timedelta

    from django.contrib.auth.models import AnonymousUser


class ForkQuerySet(WorkQuerySet):
    def visible_to(self, person: Person | AnonymousUser) -> Self:
        """One's organisation's; without one, one's own. Staff see no more than others: a fork may be a secret."""
        if not isinstance(person, Person):
            return self.none()
        ours = person.memberships.order_by().values("organisation")
        return self.filter(Q(organisation__in=ours) | Q(organisation=None, author=person))

    def newest_first(self) -> Self:
        return self.order_by("-pk")


class Fork(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED, _("queued")
        RUNNING = RUNNING, _("being taken apart")
        DONE = "done", _("taken apart")
        REFUSED = "refused", _("refused")
        ERRORED = ERRORED, _("errored")
        CANCELLED = "cancelled", _("cancelled")
        DISCARDED = "discarded", _("discarded")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING, "cancelled"}),
        RUNNING: frozenset({QUEUED, "done", "refused", ERRORED, "cancelled"}),
        ERRORED: frozenset({QUEUED, "discarded"}),
        "done": frozenset({"discarded"}),
        "refused": frozenset({"discarded"}),
        "cancelled": frozenset({"discarded"}),
    }

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="forks")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="forks"
    )
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="forks")
    git_url = models.CharField(max_length=500, blank=True)
    git_ref = models.CharField(max_length=255, blank=True, help_text="Empty is the branch that the server names.")
    raw = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A git bundle.")
    once = models.CharField(
        max_length=100, blank=True, editable=False, help_text="Its sender's key: sent twice, it is taken apart once."
    )
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    release = models.ForeignKey(
        Release, on_delete=models.SET_NULL, null=True, related_name="+", help_text="The nearest release."
    )
    tip_commit = models.CharField(max_length=64, blank=True)
    step = models.CharField(max_length=60, blank=True, help_text="What is being done now, in words.")
    stepped_at = models.DateTimeField(null=True, editable=False, help_text="When that began.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    commit_count = models.PositiveIntegerField(default=0, help_text="Commits that upstream has not.")
    told_batch = models.DateTimeField(
        null=True, editable=False, help_text="The newest lot of its drafts that people were told of."
    )
    note = models.TextField(blank=True, help_text="What else is to be known of it, in sentences.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ForkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="fork_waiting"),
            models.Index(fields=["organisation", "-id"], name="fork_of_organisation"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["author", "once"], condition=~models.Q(once=""), name="one_fork_of_a_sender_and_key"
            ),
        ]

    def __str__(self) -> str:
        return f"fork {self.pk} of {self.component}"

    def get_absolute_url(self) -> str:
        return reverse("fork", args=[self.pk])

    @property
    def number(self) -> int:
        return int(self.pk)

    @property
    def is_moving(self) -> bool:
        return self.state in {QUEUED, RUNNING}

    @property
    def left(self) -> timedelta | None:
        """How much longer its step is likely to take; None while too little of it is done to tell."""
        if self.state != RUNNING or self.stepped_at is None or not 0 < self.done < self.total:
            return None
        return (timezone.now() - self.stepped_at) / self.done * (self.total - self.done)

    @property
    def left_in_words(self) -> str:
        """The same in a few words; empty while nobody can tell."""
        seconds = self.left.total_seconds() if self.left is not None else 0
        if not seconds:
            return ""
        if seconds < 90:  # noqa: PLR2004 - from there on minutes say enough
            return f"{max(1, round(seconds))} seconds"
        return f"{round(seconds / 60)} minutes"

    def counts(self) -> dict[str, int]:
        """How many patches are in each state."""
        rows = self.carried.order_by().values_list("state").annotate(Count("pk"))
        return dict.fromkeys(Carried.State.values, 0) | dict(rows)

    def may_be_cancelled_by(self, person: Any) -> bool:
        return self.is_moving and self.is_kept_by(person)

    def may_be_discarded_by(self, person: Any) -> bool:
        return not self.is_moving and self.state != self.State.DISCARDED and self.is_kept_by(person)

    def may_be_published_by(self, person: Any) -> bool:
        """Its drafts are its author's to make public, as every draft is, while they belong to those it was for."""
        return bool(person.pk) and self.author_id == person.pk and self.is_still_for(person)

    def is_still_for(self, person: Person) -> bool:
        """Whether the person belongs to the organisation that it was taken apart for."""
        theirs = Membership.objects.filter(person=person, organisation=self.organisation_id)
        return self.organisation_id is None or theirs.exists()

    def is_kept_by(self, person: Any) -> bool:
        """Its author, and the owners of the organisation that it was taken apart for."""
        owners = Membership.objects.filter(role=Membership.Role.OWNER, organisation=self.organisation_id)
        return bool(person.pk) and (self.author_id == person.pk or owners.filter(person=person.pk).exists())


class CarriedQuerySet(models.QuerySet["Carried"]):
    def with_receipt(self) -> Self:
        """Of each draft also the state and the sentence of the newest revision that was made of the patch."""
        made = Revision.objects.filter(contribution=OuterRef("contribution"), source=Revision.Source.FORK)
        newest = made.order_by("-number")
        own = {"receipt": Subquery(newest.values("state")[:1]), "refusal": Subquery(newest.values("sentence")[:1])}
        return self.annotate(**own)


class Carried(models.Model):
    """One logical patch of a fork, and what is known of it. What a draft would be made of is kept beside it."""

    class State(models.TextChoices):
        DRAFTED = "drafted", _("drafted")
        KNOWN = "known", _("the portal has it")
        UPSTREAM = "upstream", _("upstream has it")
        LEFT_OUT = "left-out", _("left out")

    fork = models.ForeignKey(Fork, on_delete=models.CASCADE, related_name="carried")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=64, help_text="The commit that tells it apart: met again, it is the same patch.")
    title = models.CharField(max_length=TITLE_LENGTH)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=12, default=Contribution.Kind.REFINEMENT)
    commits = models.JSONField(default=list, help_text="Per commit: sha, subject, author, authored_at.")
    state = models.CharField(max_length=10, choices=State)
    upstream_commit = models.CharField(max_length=64, blank=True)
    evidence = models.CharField(max_length=20, blank=True)
    contribution = models.ForeignKey(
        Contribution, on_delete=models.SET_NULL, null=True, related_name="carried",
        help_text="The one that the portal has, or the draft that was made.",
    )  # fmt: skip
    raw = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A bundle of the patch, on the release."
    )
    base_commit = models.CharField(max_length=64, blank=True)
    needs = models.JSONField(default=list, help_text="Keys of the earlier patches that it stands on.")
    upstream_status = models.CharField(max_length=20, default=Contribution.UpstreamStatus.PENDING)
    upstream_link = models.CharField(max_length=500, blank=True)
    upstream_reason = models.CharField(max_length=200, blank=True)
    sentence = models.TextField(blank=True)
    asked_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when its author wants the draft made public; of one lot the same."
    )

    objects = CarriedQuerySet.as_manager()

    class Meta:
        ordering = ["fork", "position"]
        indexes = [models.Index(fields=["asked_at"], condition=~Q(asked_at=None), name="carried_asked")]
        constraints = [
            models.UniqueConstraint(fields=["fork", "position"], name="one_carried_at_a_position"),
            models.UniqueConstraint(fields=["fork", "key"], name="one_carried_of_a_key"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def evidence_in_words(self) -> str:
        return Fit.Evidence.said(self.evidence)

    @property
    def merges(self) -> list[dict[str, Any]]:
        """Of what merges changed by themselves: those merges, with what each changed."""
        return [told for told in self.commits if "files" in told]

    @property
    def upstream_status_in_words(self) -> str:
        return str(Contribution.UpstreamStatus(self.upstream_status).label)

    @property
    def is_draft(self) -> bool:
        """Whether it waits to be published."""
        return self.state == self.State.DRAFTED and self.contribution is not None and self.contribution.is_draft

    @property
    def may_be_drafted(self) -> bool:
        """Whether its bytes are still here, so that it can be drafted all the same."""
        return self.state in {self.State.UPSTREAM, self.State.LEFT_OUT} and self.raw_id is not None
