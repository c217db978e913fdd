"""Names that were given up: of accounts, organisations and components that were renamed or are gone.

The database writes them, by triggers, so that no way of deleting or renaming forgets it.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now


class FormerNameQuerySet(models.QuerySet["FormerName"]):
    def taken(self, kind: str, name: str) -> bool:
        return self.filter(kind=kind, name=name.lower()).exists()


class FormerName(models.Model):
    class Kind(models.TextChoices):
        PERSON = "person"
        ORGANISATION = "organisation"
        COMPONENT = "component"

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=150, help_text="In small letters.")
    given_up_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = FormerNameQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_former_name")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def refuse_former_name(kind: str, row: Any, field: str) -> None:
    """Raise ValidationError when a new or renamed row takes a name that was given up."""
    name = getattr(row, field)
    keeps_it = not row._state.adding and type(row).objects.filter(**{"pk": row.pk, field: name}).exists()  # noqa: SLF001 - Django documents _state
    if not keeps_it and FormerName.objects.taken(kind, name):
        raise ValidationError({field: "This name belonged to another one once, and is given to nobody again."})
