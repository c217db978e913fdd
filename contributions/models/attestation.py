"""What the portal swears about a build: signed provenance and a bill of materials."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .blob import Blob
from .build import Build
from .key import SigningKey
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class AttestationQuerySet(WorkQuerySet):
    def unsigned(self) -> AttestationQuerySet:
        return self.filter(state__in=[QUEUED, RUNNING, ERRORED])

    def queue_again(self) -> int:
        """Have these signed anew from the first attempt on; returns how many. What is queued or running is left."""
        over = self.filter(state__in=[Attestation.State.SIGNED, Attestation.State.ERRORED])
        return over.update(
            state=QUEUED, attempts=0, queued_at=Now(), rung_at=None, started_at=None, finished_at=None,
            sentence="", provenance=None, bill=None,
        )  # fmt: skip


def word_of_signatures() -> str:
    """For /readyz and `manage.py status`: whether builds are being signed, and what stands in the way."""
    stuck = Attestation.objects.unsigned().exclude(sentence="")
    newest: Attestation | None = stuck.order_by("-pk").first()
    return "ok" if newest is None else f"builds not signed: {stuck.count()}. {newest.sentence}"


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
        "signed": frozenset({QUEUED}),
        ERRORED: frozenset({QUEUED}),
    }

    build = models.OneToOneField(Build, on_delete=models.CASCADE, related_name="attestation")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    key = models.ForeignKey(
        SigningKey, on_delete=models.PROTECT, null=True, related_name="attestations",
        help_text="What it was signed with last; a revoked one, until it is signed again.",
    )  # fmt: skip
    provenance = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A DSSE envelope (in-toto, SLSA v1)."
    )
    bill = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="A CycloneDX 1.6 document."
    )

    objects = AttestationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="attestation_waiting")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="signed") | Q(key__isnull=False, provenance__isnull=False, bill__isnull=False),
                name="attestation_is_signed_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"attestation of build {self.build_id}"

    @property
    def is_signed(self) -> bool:
        return self.state == self.State.SIGNED

    @property
    def was_revoked(self) -> bool:
        """The key that signed it before was revoked, and it is not signed again yet."""
        return not self.is_signed and self.key is not None and not self.key.is_trusted
