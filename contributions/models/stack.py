"""A chosen set of contributions on one release, checked, locked and built together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .blob import Blob
from .component import Component
from .contribution import Contribution
from .person import Organisation, Person
from .release import Release
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

MOST_PICKS = 200
APPLIED = "applied"


class StackQuerySet(models.QuerySet["Stack"]):
    def visible_to(self, person: Person | AnonymousUser) -> Self:
        """Public ones, and those that this person carries: alone, or in an organisation that they belong to now."""
        if not isinstance(person, Person):
            return self.filter(is_public=True)
        return self if person.is_staff else self.filter(Q(is_public=True) | _carried_by(person))

    def carried_by(self, person: Person) -> Self:
        return self.filter(_carried_by(person))

    def with_names(self) -> Self:
        return self.select_related("component", "release", "organisation", "author")

    def with_news(self) -> Self:
        """With `pick_count`, and `last_state` and `last_verdict` of the newest assembly."""
        newest = Assembly.objects.filter(stack=OuterRef("pk")).order_by("-number")
        picks = Pick.objects.filter(stack=OuterRef("pk")).order_by().values("stack")
        return self.annotate(
            pick_count=Coalesce(Subquery(picks.annotate(count=Count("pk")).values("count")), 0),
            last_state=Subquery(newest.values("state")[:1]),
            last_verdict=Subquery(newest.values("verdict")[:1]),
        )


def _carried_by(person: Person) -> Q:
    """Who left an organisation leaves its stacks behind, those that they made among them."""
    alone = Q(author=person, organisation=None)
    return alone | Q(organisation__in=person.memberships.values("organisation"))


class Stack(models.Model):
    """What an organisation (or a person without one) carries on a release. Private unless `is_public`."""

    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="stacks")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="stacks")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="stacks"
    )
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="stacks")
    name = models.CharField(max_length=100)
    note = models.TextField(blank=True)
    is_public = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, editable=False, help_text="Set when nobody carries it any more.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = StackQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("stack", args=[self.pk])

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    def is_carried_by(self, person: Any) -> bool:
        if not person.is_authenticated:
            return False
        if self.organisation_id is None:
            return bool(self.author_id == person.pk)
        return bool(person.memberships.filter(organisation=self.organisation_id).exists())

    def may_be_changed_by(self, person: Any) -> bool:
        """Those who carry it; staff look on."""
        return self.is_carried_by(person)


class Pick(models.Model):
    """A contribution of a stack; `revision` pins one of its revisions, else the current one (or a port) is taken."""

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, related_name="picks")
    contribution = models.ForeignKey(Contribution, on_delete=models.PROTECT, related_name="picks")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    position = models.PositiveSmallIntegerField(help_text="The order asked for; dependencies go before it.")

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["stack", "contribution"], name="one_pick_of_a_contribution")]

    def __str__(self) -> str:
        return f"{self.contribution_id} in stack {self.stack_id}"


class AssemblyQuerySet(WorkQuerySet):
    def known_to(self, person: Person | AnonymousUser) -> Self:
        """Those of visible stacks with nothing laid into them that this person may not see, or not any more."""
        hidden = Contribution.objects.hidden_from(person).values("pk")
        held = Assembly.contributions.through.objects.filter(assembly=OuterRef("pk"), contribution__in=hidden)
        return self.filter(~Exists(held), stack__in=Stack.objects.visible_to(person))

    def told_to(self, person: Person | AnonymousUser) -> Self:
        """Those that this person may read of: who carries the stack does so when a part of it was hidden, too."""
        known = Q(pk__in=self.known_to(person).values("pk"))
        if not isinstance(person, Person):
            return self.filter(known)
        return self if person.is_staff else self.filter(known | Q(stack__in=Stack.objects.carried_by(person)))


class Assembly(Work):
    """A stack solved and laid onto a release once: immutable when done, and what its lock file names."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, _("assembling")
        READY = "ready", _("ready")
        CONFLICTS = "conflicts", _("conflicts")
        REFUSED = "refused", _("refused")
        ERRORED = ERRORED

    class Verdict(models.TextChoices):
        PASSED = "passed", _("passed")
        FAILED = "failed", _("failed")
        WAS_FAILING = "was-failing", _("was failing before")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "ready", "conflicts", "refused", ERRORED}),
        "refused": frozenset({QUEUED}),
        ERRORED: frozenset({QUEUED}),
    }

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, related_name="assemblies")
    number = models.PositiveIntegerField()
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    release_commit = models.CharField(max_length=64)
    asked = models.JSONField(
        default=list, help_text="The picks as they were, in their order: contribution, revision, pk, needs."
    )
    digest = models.CharField(max_length=64, help_text="SHA-256 over the release's commit and what was asked.")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    is_to_build = models.BooleanField(default=True, help_text="Whether it is built as soon as it is ready.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    order = models.JSONField(
        default=list, help_text="As solved: contribution, revision, pk, why here, commit on the stack, tree, state."
    )
    pairs = models.JSONField(default=list, help_text="Pairs that touch the same files: a, b, files, conflicts.")
    height = models.PositiveSmallIntegerField(default=0, help_text="How many entries of its order were laid on.")
    tree = models.CharField(max_length=64, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    bundle = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    verdict = models.CharField(max_length=20, choices=Verdict, blank=True, help_text="Of its build.")
    culprit = models.ForeignKey(
        Revision,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="With which the build begins to fail.",
    )
    contributions = models.ManyToManyField(
        Contribution, related_name="assemblies", help_text="What was asked for and what of it was laid on."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = AssemblyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="assembly_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["stack", "number"], name="one_assembly_of_a_number"),
            models.UniqueConstraint(fields=["stack", "digest"], name="one_assembly_of_the_same"),
        ]

    def __str__(self) -> str:
        return f"{self.stack} · {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("assembly", args=[self.stack_id, self.number])

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY

    @property
    def laid(self) -> list[dict[str, Any]]:
        """The entries of its order that changed the tree, in this order: depth n is the commit of the n-th of them."""
        return [entry for entry in self.order if entry["state"] == APPLIED]


class Forecast(models.Model):
    """What a stack, or all that an organisation carries, will cost on a target release; made anew each night."""

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, null=True, related_name="forecasts")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="forecasts")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="forecasts")
    release_commit = models.CharField(max_length=64)
    rows = models.JSONField(default=list, help_text="Per contribution: its number, the revision, what to do and why.")
    totals = models.JSONField(default=dict, help_text="drop, carry, port, work, unknown -> how many.")
    is_judged = models.BooleanField(default=True, help_text="Else something waits to be judged.")
    told = models.JSONField(default=dict, help_text="The totals that its people were told last.")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["stack", "organisation", "release"], name="one_forecast_of_a_target", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"forecast {self.pk} for {self.release}"
