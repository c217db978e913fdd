"""What a person said of a commit that looks like a contribution: it is the same, or it is not."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from .contribution import Contribution
from .person import Person
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class Sighting(Work):
    """Remembered for every release that holds the commit: a worker looks which ones do. Taken back, the row is gone."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "looking"
        DONE = "done"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "done", ERRORED}),
        "done": frozenset({QUEUED}),
        ERRORED: frozenset({QUEUED}),
    }

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="sightings")
    commit = models.CharField(max_length=64, help_text="Of upstream.")
    is_same = models.BooleanField(help_text="Whether the commit is the contribution.")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    said_at = models.DateTimeField(default=timezone.now, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="sighting_waiting")]
        constraints = [models.UniqueConstraint(fields=["contribution", "commit"], name="one_sighting_of_a_commit")]

    def __str__(self) -> str:
        return f"#{self.contribution_id} {'is' if self.is_same else 'is not'} {self.commit[:12]}"
