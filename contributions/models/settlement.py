"""Settlements: what somebody answers to the conflicts of a patch with a release, and the port that comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from .blob import Blob
from .person import Person
from .release import Release
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from .contribution import Contribution


class SettlementQuerySet(WorkQuerySet):
    def open(self) -> Self:
        """Those that were not proposed yet."""
        return self.exclude(state=Settlement.State.PROPOSED)

    def of(self, person: Any, contribution: Contribution, release: Release) -> Settlement | None:
        """The one that this person has open: nobody else ever sees it."""
        rows = self.open().filter(person=person, revision__contribution=contribution, release=release)
        return rows.select_related("passes", "diff", "mbox", "bundle").order_by("-pk").first()


class Settlement(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "putting the answers in"
        ASKS = "asks"
        READY = "ready"
        PROPOSED = "proposed"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "asks", "ready", ERRORED}),
        "asks": frozenset({QUEUED}),
        "ready": frozenset({QUEUED, "proposed"}),
        ERRORED: frozenset({QUEUED}),
    }

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="settlements")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="settlements")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    release_commit = models.CharField(max_length=64, blank=True, help_text="Of the release, as it was last laid.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    answers = models.JSONField(
        default=dict, help_text="Id of a place or a file -> [choice, text]; also of what is asked no more."
    )
    passes = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="What is asked, commit by commit: JSON."
    )
    bundle = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="Of a ready one: its commits."
    )
    mbox = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="The same as mails, to be looked at."
    )
    diff = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="What it does otherwise than the patch."
    )
    commits = models.JSONField(default=list, help_text="As a comparison's: what became of each commit.")
    files = models.JSONField(default=list, help_text="As a comparison's, of the diff.")
    port = models.ForeignKey(Revision, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = SettlementQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="settlement_waiting")]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "revision", "release"],
                condition=~Q(state="proposed"),
                name="one_open_settlement_of_a_person_revision_and_release",
            )
        ]

    def __str__(self) -> str:
        return f"settlement {self.pk} of {self.revision} for {self.release}"

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The passes, as `pipeline.reconciling` wrote them; the last one is open unless it is ready."""
        found: list[dict[str, Any]] = json.loads(self.passes.read()) if self.passes else []
        return found

    def is_stale(self, contribution: Contribution, release: Release) -> bool:
        """Whether the patch or the release is another one than it was laid with."""
        moved = bool(self.release_commit) and self.release_commit != release.commit
        return moved or self.revision_id != contribution.current_id
