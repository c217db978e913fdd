"""A word that people find contributions by."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

TAG = RegexValidator(r"^[a-z0-9][a-z0-9.+-]{0,39}$", "A tag has small letters, digits, dots, plus signs and hyphens.")


class Tag(models.Model):
    name = models.CharField(max_length=40, unique=True, validators=[TAG])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
