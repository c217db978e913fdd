"""What ports taught about conflicts, and the ports that the portal made of that and offers."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .blob import Blob
from .component import Component
from .contribution import visible_to_all
from .release import Release
from .revision import Revision
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class ResolutionQuerySet(models.QuerySet["Resolution"]):
    def trusted(self) -> Self:
        """Learnt from what everybody may see: no draft, nothing withdrawn or in quarantine."""
        free = visible_to_all("port__contribution__") & ~Q(port__contribution__state="withdrawn")
        return self.filter(free, port__withdrawn_at=None, port__state=Revision.State.RECEIVED)


class Resolution(models.Model):
    """How a port settled the conflicts of one file."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=40, help_text="What git's rerere calls the conflicts of the file by.")
    path = models.TextField()
    before = models.ForeignKey(
        Blob, on_delete=models.PROTECT, related_name="+", help_text="The file with its conflicts, as rerere keeps it."
    )
    after = models.ForeignKey(
        Blob, on_delete=models.PROTECT, related_name="+", help_text="The file as the port has it."
    )
    port = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="resolutions")
    learnt_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ResolutionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["component", "key", "-id"], name="resolution_of_a_conflict")]
        constraints = [models.UniqueConstraint(fields=["port", "key"], name="one_resolution_of_a_port_and_conflict")]

    def __str__(self) -> str:
        return f"{self.path} of {self.port}"


class Offer(Work):
    """A port that was tried with remembered resolutions: whole and offered to people, or something is left to do."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "trying"
        WHOLE = "whole"
        LEFT = "left", "left to people"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "whole", "left", ERRORED}),
        "whole": frozenset({QUEUED}),
        "left": frozenset({QUEUED}),
        ERRORED: frozenset({QUEUED}),
    }

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="offers")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    release_commit = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    mbox = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="Of a whole one: its commits as mails."
    )
    used = models.JSONField(default=list, help_text="Per file: path, and the port it was learnt from.")
    left = models.JSONField(default=list, help_text="The paths that nothing is remembered for.")

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="offer_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["revision", "release"], name="one_offer_of_a_revision_and_release")
        ]

    def __str__(self) -> str:
        return f"{self.revision} for {self.release}"

    @property
    def is_whole(self) -> bool:
        return self.state == self.State.WHOLE

    @property
    def is_standing(self) -> bool:
        """Whether it may be shown and taken: nothing moved since, and what it was learnt from is still trusted."""
        return self.is_whole and self.release_commit == self.release.commit and self._is_trusted()

    def _is_trusted(self) -> bool:
        teachers = {(used["contribution"], used["revision"]) for used in self.used}
        named = Q(pk__in=[])
        for contribution, number in teachers:
            named |= Q(port__contribution=contribution, port__number=number)
        return Resolution.objects.trusted().filter(named).order_by().values("port").distinct().count() == len(teachers)
