"""What people follow, and what they saved to look for again."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import urlencode

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from .component import Component
from .contribution import Contribution, known_to
from .person import Organisation, Person
from .release import Release
from .stack import Stack

QUERY_LENGTH = 300
THINGS: dict[type[models.Model], str] = {
    Contribution: "contribution",
    Component: "component",
    Release: "release",
    Person: "whom",
    Organisation: "organisation",
    Stack: "stack",
}


class SavedSearch(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="searches")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=QUERY_LENGTH, help_text="In the words of the search language.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_saved_search_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('contributions')}?{urlencode({'q': self.query})}"


THINGS[SavedSearch] = "search"


class FollowQuerySet(models.QuerySet["Follow"]):
    def hearing(self) -> Self:
        """Those who want to hear, and not those who want to hear no more."""
        return self.filter(is_muted=False)

    def of(self, person: Any, thing: models.Model) -> Self:
        """What the person said of the thing: one row or none."""
        return self.filter(person=person if isinstance(person, Person) else None, **{THINGS[type(thing)]: thing})

    def on(self, thing: models.Model) -> Self:
        return self.filter(**{THINGS[type(thing)]: thing})

    def seen_by(self, person: Person) -> Self:
        """The person's own, without contributions and stacks that they may know of no more."""
        stacks = Q(stack=None) | Q(stack__in=Stack.objects.visible_to(person))
        return self.filter(Q(contribution=None) | known_to(person, "contribution__"), stacks, person=person)

    def take_part(self, person: Person | int, contribution: Contribution) -> None:
        """Whoever shares, comments, reports or reviews follows from then on, unless they said otherwise."""
        pk = person if isinstance(person, int) else person.pk
        row = Follow(person_id=pk, contribution=contribution, is_chosen=False)
        self.bulk_create([row], ignore_conflicts=True)

    def with_things(self) -> Self:
        """Everything that a row names, in the same query."""
        return self.select_related(
            "contribution", "component", "release__component", "whom", "organisation", "stack", "search"
        )


class Follow(models.Model):
    """Somebody wants to hear of one thing; or, muted, to hear no more of it."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="follows")
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, null=True, related_name="followers")
    component = models.ForeignKey(Component, on_delete=models.CASCADE, null=True, related_name="followers")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, null=True, related_name="followers")
    whom = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="followers")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="followers")
    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, null=True, related_name="followers")
    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, null=True, related_name="followers")
    is_muted = models.BooleanField(default=False)
    is_chosen = models.BooleanField(default=True, help_text="Else it came of taking part: of sharing or commenting.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = FollowQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            *(
                models.UniqueConstraint(fields=["person", thing], name=f"one_follow_of_a_{thing}")
                for thing in THINGS.values()
            ),
            models.CheckConstraint(
                condition=Q(is_muted=False) | Q(contribution__isnull=False) | Q(stack__isnull=False),
                name="only_talk_is_muted",
            ),
        ]

    def __str__(self) -> str:
        return f"follow {self.pk} of {self.person}"

    @property
    def kind(self) -> str:
        """What is followed, as addresses and the REST API call it."""
        name = next(name for name in THINGS.values() if getattr(self, f"{name}_id") is not None)
        return "person" if name == "whom" else name

    @property
    def thing(self) -> Any:
        return getattr(self, "whom" if self.kind == "person" else self.kind)

    @property
    def key(self) -> str:
        """The name by which an address tells the thing."""
        return key_of(self.thing)


def key_of(thing: Any) -> str:
    """The name of a thing that can be followed, as addresses write it."""
    if isinstance(thing, Contribution | SavedSearch | Stack):
        return str(thing.pk)
    return str(thing.username if isinstance(thing, Person) else thing.slug)
