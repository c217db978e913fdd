"""Finding out why a patch does not fit: what is to blame, and both sides of what conflicts; done behind the verdict."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .fit import Fit
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class Inquiry(Work):
    """What it finds is kept with the fit, whose verdict never waits for it."""

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

    fit = models.OneToOneField(Fit, on_delete=models.CASCADE, related_name="inquiry")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)

    objects = WorkQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "inquiries"
        ordering = ["pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="inquiry_waiting")]

    def __str__(self) -> str:
        return f"inquiry into fit {self.fit_id}"
