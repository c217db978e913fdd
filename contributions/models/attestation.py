"""What the portal swears about a build: signed provenance and a bill of materials."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .blob import Blob
from .build import Build
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class Attestation(Work):
    """Queued when a build passes; signed by the worker that alone holds the key."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "signing"
        SIGNED = "signed"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "signed", ERRORED}),
    }

    build = models.OneToOneField(Build, on_delete=models.CASCADE, related_name="attestation")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    keyid = models.CharField(max_length=64, blank=True)
    provenance = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A DSSE envelope (in-toto, SLSA v1)."
    )
    bill = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A CycloneDX 1.6 document."
    )

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="attestation_waiting")]

    def __str__(self) -> str:
        return f"attestation of build {self.build_id}"

    @property
    def is_signed(self) -> bool:
        return self.state == self.State.SIGNED
