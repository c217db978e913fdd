"""What changed from one revision to another, without the noise of a base that changed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .blob import Blob
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class Comparison(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "comparing"
        DONE = "done"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "done", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    older = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="+")
    newer = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="comparisons")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    commits = models.JSONField(
        default=list, help_text="Per commit: word (unchanged, reworded, changed, added, dropped), old, new, subject."
    )
    files = models.JSONField(default=list, help_text="As a revision's: of the diff from the older to the newer.")
    conflicts = models.JSONField(
        default=list, help_text="Paths at which the older one does not merge onto the newer one's base."
    )
    diff = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="comparison_waiting")]
        constraints = [models.UniqueConstraint(fields=["older", "newer"], name="one_comparison_of_two_revisions")]

    def __str__(self) -> str:
        return f"{self.older} and {self.newer}"
