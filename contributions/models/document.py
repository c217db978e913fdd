"""What a contribution can be found by: one row with all its words."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Upper

from .contribution import Contribution


class Document(models.Model):
    """Words of title (A), description (B), commits and comments (C), paths and added lines (D)."""

    contribution = models.OneToOneField(Contribution, on_delete=models.CASCADE, primary_key=True)
    words = SearchVectorField()
    title = models.TextField(help_text="For what is nearly spelled so.")

    class Meta:
        indexes = [
            GinIndex(fields=["words"], name="document_words"),
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="document_title_letters"),
        ]

    def __str__(self) -> str:
        return f"words of {self.contribution_id}"
