"""A word that people find contributions by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Count

from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .contribution import Contribution

NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,39}\Z")
TAG = RegexValidator(NAME, "A tag has small letters, digits, dots, plus signs and hyphens.")
MOST_TAGS = 8  # of one contribution: with more they say nothing


class TagQuerySet(models.QuerySet["Tag"]):
    def called(self, names: Iterable[str]) -> list[Tag]:
        """The tags of these names, made where there are none; of two who make one at once both get it."""
        wanted = sorted(set(names))  # in one order, so that two who make the same never wait in a circle
        self.bulk_create([Tag(name=name) for name in wanted], ignore_conflicts=True)
        return list(self.filter(name__in=wanted).order_by("name"))

    def counted(self, most: int, *, without: models.QuerySet[Contribution]) -> list[tuple[str, int]]:
        """The names of those that are used most, and of how many contributions; some are not counted. Two queries."""
        count = Count("contributions")
        used = self.annotate(count=count).filter(count__gt=0).order_by("-count", "name")
        totals = dict(used.values_list("name", "count")[:most])
        less = dict(self.filter(contributions__in=without).annotate(count=count).values_list("name", "count"))
        return [(name, left) for name, total in totals.items() if (left := total - less.get(name, 0))]


class Tag(models.Model):
    name = models.CharField(max_length=40, unique=True, validators=[TAG])

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/tags/{self.name}/"


def read_tags(text: str) -> list[str]:
    """The names in what somebody typed: small, without #, each once. Raises Invalid for what is none, or too many."""
    words = [word.lstrip("#").lower() for word in text.replace(",", " ").split()]
    names = list(dict.fromkeys(word for word in words if word))
    for name in names:
        if NAME.match(name) is None:
            raise Invalid(f"“{name[:40]}” is no tag. {TAG.message}", field="tags")
    if len(names) > MOST_TAGS:
        raise Invalid(f"A contribution has {MOST_TAGS} tags at most.", field="tags")
    return names
