"""The feed's index as The Update Framework has it: every signed version of every role, kept for ever."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models.functions import Now


class IndexFileQuerySet(models.QuerySet["IndexFile"]):
    def newest(self, role: str) -> IndexFile | None:
        return self.filter(role=role).order_by("-version").first()

    def of_role(self, role: str) -> Self:
        return self.filter(role=role)


class IndexFile(models.Model):
    """One signed metadata file, as a client downloads it."""

    role = models.CharField(max_length=200, help_text="root, targets, snapshot, timestamp, or a delegated role's name.")
    version = models.PositiveIntegerField()
    content = models.BinaryField(help_text="The signed JSON, byte for byte.")
    expires_at = models.DateTimeField()
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    through = models.BigIntegerField(null=True, help_text="Of a snapshot: the newest feed event that it tells of.")

    objects = IndexFileQuerySet.as_manager()

    class Meta:
        ordering = ["role", "-version"]
        constraints = [models.UniqueConstraint(fields=["role", "version"], name="one_index_file_of_a_version")]

    def __str__(self) -> str:
        return f"{self.version}.{self.role}.json"
