"""Where the current revision of a contribution touches its component: a row a hunk, to find what overlaps."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from .component import Component
from .contribution import Contribution


class Touch(models.Model):
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="touches")
    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=1000)
    start = models.PositiveIntegerField(help_text="The first line before the change, from 1; 0 for a new file.")
    end = models.PositiveIntegerField(help_text="The last line before the change.")
    function = models.CharField(max_length=200, blank=True, help_text="The heading of the hunk, as git names it.")

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["component", "path", "start"], name="touch_place"),
            GinIndex(OpClass(Upper("path"), name="gin_trgm_ops"), name="touch_path_words"),
        ]

    def __str__(self) -> str:
        return f"{self.contribution_id} touches {self.path}:{self.start}"
