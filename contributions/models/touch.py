"""Where the current revision of a contribution touches its component: a row a hunk, and a row a file and folder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.aggregates import BoolAnd
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Count, Q
from django.db.models.functions import Upper

from contributions.patches.places import LONGEST_NAME, LONGEST_PATH, places_of, steps_to

from .component import Component
from .contribution import Contribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.contrib.auth.models import AnonymousUser

    from contributions.patches import FileDiff

    from .person import Person

MOST_TOUCHES = 20_000  # rows of one contribution; beyond it only the first places are compared
BATCH = 2000


class TouchQuerySet(models.QuerySet["Touch"]):
    def replace(self, contribution: Contribution, files: Iterable[FileDiff], prints: Mapping[str, str]) -> None:
        """Write down where these files are touched, instead of what was written before.

        `prints` is Revision.fingerprints. The caller holds the contribution's lock.
        """
        of = {"contribution_id": contribution.pk, "component_id": contribution.component_id}
        known = list(files)
        self.filter(contribution=contribution).delete()
        Place.objects.filter(contribution=contribution).delete()
        touches = [
            Touch(**of, path=place.path, start=place.start, end=place.end, function=place.function)
            for place in islice(places_of(known), MOST_TOUCHES)
        ]
        self.bulk_create(touches, batch_size=BATCH)
        stations = _stations(known, prints).items()
        places = [
            Place(**of, parent=parent, name=name, is_file=is_file, fingerprint=found)
            for (parent, name), (is_file, found) in islice(stations, MOST_TOUCHES)
        ]
        Place.objects.bulk_create(places, batch_size=BATCH)


def _stations(files: Iterable[FileDiff], prints: Mapping[str, str]) -> dict[tuple[str, str], tuple[bool, str]]:
    """Each folder and file on the way to what is touched: whether it is a file, and the patch-id of that."""
    found: dict[tuple[str, str], tuple[bool, str]] = {}
    for file in files:
        for path in sorted({file.old_path, file.new_path}):
            (parent, name), *above = steps_to(path)
            found[parent, name] = (True, prints.get(path, ""))
            for step in above:
                found.setdefault(step, (False, ""))
    return found


class Touch(models.Model):
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="touches")
    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=LONGEST_PATH)
    start = models.PositiveIntegerField(help_text="The first line that changes, from 1; 0 for the file as a whole.")
    end = models.PositiveIntegerField(help_text="The last line that changes, counted before the change.")
    function = models.CharField(max_length=LONGEST_NAME, blank=True, help_text="What it is in, without its arguments.")

    objects = TouchQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "touches"
        indexes = [
            models.Index(fields=["component", "path", "start"], name="touch_place"),
            GinIndex(OpClass(Upper("path"), name="gin_trgm_ops"), name="touch_path_words"),
        ]

    def __str__(self) -> str:
        return f"{self.contribution_id} touches {self.path}:{self.start}"


@dataclass(frozen=True)
class Step:
    """A file or a folder, and how many contributions touch it."""

    name: str
    path: str
    is_file: bool
    count: int


class PlaceQuerySet(models.QuerySet["Place"]):
    def at(self, component: Component, path: str) -> Self:
        """Who touches this file or folder."""
        parent, _, name = path.rpartition("/")
        return self.filter(component=component, parent=parent, name=name)

    def touching_too(
        self, contribution: Contribution, files: Sequence[tuple[str, str]], eyes: Person | AnonymousUser
    ) -> dict[tuple[str, str], int]:
        """How many other contributions touch each of these files, as far as these eyes may know. Two queries."""
        asked = Q(*(Q(parent=parent, name=name) for parent, name in files), _connector=Q.OR) if files else Q(pk=None)
        others = self.filter(asked, component=contribution.component_id).exclude(contribution=contribution)
        unseen = Contribution.objects.hidden_from(eyes).filter(component=contribution.component_id).values("pk")
        totals, hidden = _counted(others), _counted(others.filter(contribution__in=unseen))
        return {file: count - hidden.get(file, 0) for file, count in totals.items()}

    def steps(
        self, component: Component, folder: str, eyes: Person | AnonymousUser, *, after: str = "", most: int
    ) -> list[Step]:
        """What is touched in a folder, by name and after a name, as far as these eyes may know of it. Three queries.

        All are counted in the index, and what is hidden, of which there is little, is taken away.
        """
        rows = self.filter(component=component, parent=folder, name__gt=after).order_by("name")
        unseen = Contribution.objects.hidden_from(eyes).filter(component=component).values("pk")
        hidden = {name: count for (_, name), count in _counted(rows.filter(contribution__in=unseen)).items()}
        totals = _counted(rows.filter(name__in=list(hidden)))
        shown = rows.exclude(name__in=[name for name, count in hidden.items() if count == totals[folder, name]])
        found = shown.values_list("name").annotate(count=Count("contribution"), is_file=BoolAnd("is_file"))[:most]
        start = f"{folder}/" if folder else ""
        return [Step(name, start + name, is_file, count - hidden.get(name, 0)) for name, count, is_file in found]


def _counted(places: PlaceQuerySet) -> dict[tuple[str, str], int]:
    rows = places.order_by().values_list("parent", "name").annotate(count=Count("contribution"))
    return {(parent, name): count for parent, name, count in rows}


class Place(models.Model):
    """One step on the way to a touched file: the file, or a folder above it, as `name` in the folder `parent`."""

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="places")
    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="+")
    parent = models.CharField(max_length=LONGEST_PATH, blank=True, help_text="Without a slash at its end.")
    name = models.CharField(max_length=LONGEST_PATH)
    is_file = models.BooleanField()
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of a file: the patch-id of its change.")

    objects = PlaceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["component", "parent", "name", "contribution"], include=["is_file"], name="one_place_on_the_way"
            )
        ]
        indexes = [models.Index(fields=["component", "fingerprint"], condition=~Q(fingerprint=""), name="place_print")]

    def __str__(self) -> str:
        return f"{self.contribution_id} is in {self.path}"

    @property
    def path(self) -> str:
        return f"{self.parent}/{self.name}" if self.parent else self.name
