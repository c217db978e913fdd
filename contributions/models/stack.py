"""A chosen set of contributions on one release, checked, locked and built together."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from .blob import Blob
from .component import Component
from .contribution import Contribution
from .person import Organisation, Person
from .release import Release
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

MOST_PICKS = 200


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
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("stack", args=[self.pk])


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


class Assembly(Work):
    """A stack solved and laid onto a release once: immutable when done, and what its lock file names."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "assembling"
        READY = "ready"
        CONFLICTS = "conflicts"
        REFUSED = "refused"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "ready", "conflicts", "refused", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, related_name="assemblies")
    number = models.PositiveIntegerField()
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    release_commit = models.CharField(max_length=64)
    asked = models.JSONField(default=list, help_text="The picks as they were: contribution, revision, position.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    order = models.JSONField(
        default=list, help_text="As solved: contribution, revision, pk, why here, commit on the stack, tree, state."
    )
    pairs = models.JSONField(default=list, help_text="Pairs that touch the same files: a, b, files, conflicts.")
    tree = models.CharField(max_length=64, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    bundle = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    lock = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    verdict = models.CharField(max_length=20, blank=True, help_text="Of its build: passed, failed, was-failing.")
    culprit = models.ForeignKey(
        Revision,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="With which the build begins to fail.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="assembly_waiting")]
        constraints = [models.UniqueConstraint(fields=["stack", "number"], name="one_assembly_of_a_number")]

    def __str__(self) -> str:
        return f"{self.stack} #{self.number}"


class Forecast(models.Model):
    """What a stack, or all that an organisation carries, will cost on a target release; made anew each night."""

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, null=True, related_name="forecasts")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="forecasts")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="forecasts")
    release_commit = models.CharField(max_length=64)
    rows = models.JSONField(default=list, help_text="Per contribution: what to do, why, hunks.")
    totals = models.JSONField(default=dict, help_text="drop, carry, port, work, unknown -> how many.")
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
