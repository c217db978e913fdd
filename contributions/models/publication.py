"""An approved revision's passed build (or uploaded executable) in the feed; withdrawn with a reason, never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from .build import Artifact, Build, repetitions_of
from .contribution import Contribution
from .moves import Stateful
from .person import Person
from .release import Release
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser

    from .blob import Blob


class PublicationQuerySet(models.QuerySet["Publication"]):
    def live(self) -> Self:
        return self.filter(state=Publication.State.LIVE)

    def visible_to(self, person: Person | AnonymousUser) -> Self:
        """Those of contributions that this person may see; held ones for staff, their author and maintainers alone."""
        seen = self.filter(revision__contribution__in=Contribution.objects.visible_to(person))
        free = ~Q(state=Publication.State.QUARANTINED)
        if not isinstance(person, Person):
            return seen.filter(free)
        if person.is_staff:
            return seen
        maintained = Q(release__component__in=person.maintained_components.values("pk"))
        return seen.filter(free | maintained | Q(revision__contribution__author=person))

    def held_back_from(self, person: Person | AnonymousUser) -> Self:
        """In quarantine, and not for this person's eyes."""
        return self.filter(state=Publication.State.QUARANTINED).exclude(pk__in=self.visible_to(person).values("pk"))

    def of_bytes(self, blob: Blob) -> Self:
        """Those that offer these bytes, whoever made them."""
        built = Q(build__in=Build.objects.filter(artifacts__blob=blob))
        uploaded = Q(build=None, revision__in=Revision.objects.filter(artifacts__blob=blob))
        return self.filter(built | uploaded)

    def newest_first(self) -> Self:
        return self.order_by("-pk")

    def with_names(self) -> Self:
        """Everything a row of a list names, and whether its build could be repeated."""
        named = self.select_related(
            "release__component", "revision__contribution__author", "revision__contribution__organisation", "build"
        )
        return named.prefetch_related(repetitions_of("build__"))


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
    reason = models.TextField(blank=True, help_text="Why it was withdrawn or is held back.")

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
    def is_quarantined(self) -> bool:
        return self.state == self.State.QUARANTINED

    @property
    def origin(self) -> str:
        """Who vouches for its files, in words."""
        return next((file.origin for file in self.artifacts), "")

    @property
    def artifacts(self) -> Sequence[Artifact]:
        """What can be downloaded: the build's artifacts, or the uploaded ones."""
        made = self.build if self.build is not None else self.revision
        return list(made.artifacts.all())

    def may_be_withdrawn_by(self, person: Any) -> bool:
        if not person.is_authenticated or not self.may_move(self.State.WITHDRAWN):
            return False
        if self.is_quarantined:
            return bool(person.is_staff)  # its files would be in everybody's reach again
        contribution = self.revision.contribution
        return bool(person.is_staff) or contribution.is_by(person) or contribution.component.is_maintained_by(person)
