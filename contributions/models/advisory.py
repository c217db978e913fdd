"""A security advisory: which revisions are affected, and which ones mend it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .component import Component
from .moves import Stateful
from .person import Person
from .revision import Revision


class AdvisoryQuerySet(models.QuerySet["Advisory"]):
    def standing(self) -> Self:
        """Those that were not withdrawn."""
        return self.filter(state=Advisory.State.PUBLISHED)

    def newest_first(self) -> Self:
        return self.order_by("-pk")


class Advisory(Stateful):
    class State(models.TextChoices):
        PUBLISHED = "published"
        WITHDRAWN = "withdrawn"

    class Severity(models.TextChoices):
        LOW = "low", _("Low")
        MODERATE = "moderate", _("Moderate")
        HIGH = "high", _("High")
        CRITICAL = "critical", _("Critical")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {"published": frozenset({"withdrawn"})}

    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="advisories")
    title = models.CharField(max_length=200)
    description = models.TextField()
    html = models.TextField(editable=False)
    severity = models.CharField(max_length=10, choices=Severity)
    alias = models.CharField(max_length=60, blank=True, help_text="Its name elsewhere, such as CVE-2026-12345.")
    affected = models.ManyToManyField(Revision, related_name="advisories")
    fixed = models.ManyToManyField(Revision, related_name="advisories_mended", blank=True)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="advisories")
    state = models.CharField(max_length=10, choices=State, default=State.PUBLISHED)
    published_at = models.DateTimeField(db_default=Now(), editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    reason = models.TextField(blank=True, help_text="Why it was withdrawn.")

    objects = AdvisoryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "advisories"

    def __str__(self) -> str:
        return f"{self.identifier}: {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("advisory", args=[self.pk])

    @property
    def identifier(self) -> str:
        return f"PB-{self.published_at:%Y}-{self.pk:04}"

    def may_be_withdrawn_by(self, person: Any) -> bool:
        return self.state == self.State.PUBLISHED and self.component.may_be_advised_on_by(person)
