"""A baseline of a component: a tag, or a branch followed by its tip."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _

from .component import Component
from .moves import Stateful

if TYPE_CHECKING:
    from collections.abc import Iterable


class ReleaseQuerySet(models.QuerySet["Release"]):
    def supported(self) -> Self:
        return self.filter(state=Release.State.SUPPORTED)

    def newest_first(self) -> Self:
        return self.order_by("component", "-position", "-pk")


def usual_among(releases: Iterable[Release]) -> Release | None:
    """What is chosen while nobody chose: the first that is final, and a candidate only where there is nothing else."""
    rows = list(releases)
    return next((row for row in rows if not row.is_candidate), next(iter(rows), None))


class Release(Stateful):
    class State(models.TextChoices):
        SUPPORTED = "supported"
        RETIRED = "retired"

    class Kind(models.TextChoices):
        TAG = "tag"
        BRANCH = "branch"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        "supported": frozenset({"retired"}),
        "retired": frozenset({"supported"}),
    }

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="releases")
    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=160, unique=True, editable=False)
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.TAG)
    ref = models.CharField(max_length=255, help_text="The tag or branch as upstream names it.")
    commit = models.CharField(max_length=64, help_text="The commit that is pinned now.")
    position = models.IntegerField(help_text="Releases of a component are ordered by this number, oldest first.")
    released_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.SUPPORTED)
    is_candidate = models.BooleanField(
        default=False, help_text="Not final yet: shown so that people know before it is."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["component", "-position", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["component", "name"],
                name="one_release_of_a_name",
                violation_error_message="This component has a release of that name.",
            ),
            models.CheckConstraint(
                condition=models.Q(commit__regex=r"^[0-9a-f]{40}([0-9a-f]{24})?$"), name="release_pins_a_commit"
            ),
        ]
        indexes = [models.Index(fields=["component", "state", "-position"], name="release_order")]

    def __str__(self) -> str:
        return f"{self.component.slug} {self.called}"

    def get_absolute_url(self) -> str:
        return reverse("release", args=[self.component.slug, self.name])

    @staticmethod
    def slug_of(component: Component, name: str) -> str:
        """A release's one name in the pip index: component and release in letters, digits, dots, hyphens."""
        return f"{component.slug}-{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('-')}"[:160]

    @property
    def called(self) -> str:
        """Its name, for people to read and to choose by: what is not final says so."""
        return _("%(name)s (candidate)") % {"name": self.name} if self.is_candidate else self.name

    @property
    def is_supported(self) -> bool:
        return self.state == self.State.SUPPORTED
