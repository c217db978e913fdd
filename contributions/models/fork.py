"""A customer's own fork, taken apart: what upstream has, what the portal has, and what only they carry."""

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
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class Fork(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "being taken apart"
        DONE = "done"
        REFUSED = "refused"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "done", "refused", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="forks")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="forks"
    )
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="forks")
    git_url = models.CharField(max_length=500, blank=True)
    git_ref = models.CharField(max_length=255, blank=True)
    raw = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A git bundle.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    release = models.ForeignKey(
        Release, on_delete=models.SET_NULL, null=True, related_name="+", help_text="The nearest release."
    )
    tip_commit = models.CharField(max_length=64, blank=True)
    step = models.CharField(max_length=60, blank=True, help_text="What is being done now, in words.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="fork_waiting")]

    def __str__(self) -> str:
        return f"fork {self.pk} of {self.component}"

    def get_absolute_url(self) -> str:
        return reverse("fork", args=[self.pk])


class Carried(models.Model):
    """One logical patch of a fork: a run of its commits, and what is known of it."""

    class State(models.TextChoices):
        UPSTREAM = "upstream", "upstream has it"
        KNOWN = "known", "the portal has it"
        DRAFTED = "drafted", "drafted"
        LEFT_OUT = "left-out", "left out"

    fork = models.ForeignKey(Fork, on_delete=models.CASCADE, related_name="carried")
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    commits = models.JSONField(default=list, help_text="Per commit: sha, subject, author, authored_at.")
    state = models.CharField(max_length=10, choices=State)
    upstream_commit = models.CharField(max_length=64, blank=True)
    evidence = models.CharField(max_length=20, blank=True)
    contribution = models.ForeignKey(
        Contribution, on_delete=models.SET_NULL, null=True, related_name="+",
        help_text="The one that the portal has, or the draft that was made.",
    )  # fmt: skip
    sentence = models.TextField(blank=True)

    class Meta:
        ordering = ["fork", "position"]
        constraints = [models.UniqueConstraint(fields=["fork", "position"], name="one_carried_at_a_position")]

    def __str__(self) -> str:
        return self.title
