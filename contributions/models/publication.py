"""An approved revision's passed build (or uploaded executable) in the feed; withdrawn with a reason, never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from .build import Artifact, Build
from .moves import Stateful
from .person import Person
from .release import Release
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Sequence


class PublicationQuerySet(models.QuerySet["Publication"]):
    def live(self) -> Self:
        return self.filter(state=Publication.State.LIVE)

    def newest_first(self) -> Self:
        return self.order_by("-pk")

    def with_names(self) -> Self:
        return self.select_related(
            "release__component", "revision__contribution__author", "revision__contribution__organisation", "build"
        )


class Publication(Stateful):
    class State(models.TextChoices):
        LIVE = "live"
        WITHDRAWN = "withdrawn"
        QUARANTINED = "quarantined"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        "live": frozenset({"withdrawn", "quarantined"}),
        "quarantined": frozenset({"live", "withdrawn"}),
    }

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="publications")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="publications")
    build = models.ForeignKey(
        Build, on_delete=models.PROTECT, null=True, blank=True, related_name="publications",
        help_text="None for an executable that was uploaded: it was not built here.",
    )  # fmt: skip
    state = models.CharField(max_length=12, choices=State, default=State.LIVE)
    published_at = models.DateTimeField(db_default=Now(), editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawn_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, editable=False, related_name="+")
    reason = models.TextField(blank=True, help_text="Why it was withdrawn.")

    objects = PublicationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "release"], name="one_publication_of_a_revision_and_release"),
            models.CheckConstraint(condition=Q(state="live") | ~Q(reason=""), name="withdrawn_with_a_reason"),
        ]
        indexes = [models.Index(fields=["release", "state"], name="publication_of_release")]

    def __str__(self) -> str:
        return f"{self.revision} for {self.release}"

    def get_absolute_url(self) -> str:
        return reverse("publication", args=[self.pk])

    @property
    def is_live(self) -> bool:
        return self.state == self.State.LIVE

    @property
    def artifacts(self) -> Sequence[Artifact]:
        """What can be downloaded: the build's artifacts, or the uploaded ones."""
        made = self.build if self.build is not None else self.revision
        return list(made.artifacts.all())

    def may_be_withdrawn_by(self, person: Any) -> bool:
        if not person.is_authenticated or not self.is_live:
            return False
        contribution = self.revision.contribution
        return bool(person.is_staff) or contribution.is_by(person) or contribution.component.is_maintained_by(person)
