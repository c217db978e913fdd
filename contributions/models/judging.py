"""What organisations run it on, what a contribution says it does, and whether that came true for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Cast, Now, RowNumber
from django.utils.translation import gettext_lazy as _

from .component import SLUG, Component
from .contribution import Contribution
from .person import Organisation, Person
from .revision import Revision
from .voices import FieldReport

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Trait(models.Model):
    """A thing that matters about where a component runs: hypervisor, database, driver, scale."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="traits")
    slug = models.CharField(max_length=40, validators=[SLUG])
    name = models.CharField(max_length=60)
    choices = models.JSONField(default=list, help_text='Words, such as ["kvm", "xen"].')
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["component", "slug"], name="one_trait_of_a_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.component}"


class Environment(models.Model):
    """What an organisation runs a component on."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="environments")
    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="+")
    traits = models.JSONField(default=dict, help_text="Slug of a trait -> the choice.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "component"], name="one_environment")]

    def __str__(self) -> str:
        return f"{self.component} at {self.organisation}"


def environment_of(person: Person | AnonymousUser, component: Component) -> dict[str, str]:
    """What the organisation that this person speaks for runs the component on; nothing for a stranger."""
    ours = person.organisation if isinstance(person, Person) else None
    found = Environment.objects.filter(organisation=ours, component=component).first() if ours else None
    return dict(found.traits) if found else {}


def reported_like(organisation: Organisation) -> Q:
    """Contributions that others have reported on from where it is as the organisation runs it."""
    at = Q(pk__in=[])
    for component, traits in Environment.objects.filter(organisation=organisation).values_list("component", "traits"):
        alike = FieldReport.objects.filter(contribution__component=component).like(traits)
        at |= Q(component=component, pk__in=alike.exclude(organisation=organisation).order_by().values("contribution"))
    return at


class ClaimQuerySet(models.QuerySet["Claim"]):
    def standing(self) -> Self:
        """Those that the author still claims, in the author's order."""
        return self.filter(removed_at=None)

    def with_ticks(self) -> Self:
        """How many people say of what is current, or of the same, that each holds, and that it fails.

        A tick of a revision that the current one carries partly counts; that of one whose files it touches does not.
        """
        number = Cast("ticks__revision__number", models.TextField())
        carried = Q(ticks__revision=F("contribution__current")) | Q(contribution__current__carries__has_key=number)
        return self.annotate(
            hold_count=Count("ticks", filter=carried & Q(ticks__holds=True)),
            fail_count=Count("ticks", filter=carried & Q(ticks__holds=False)),
        )

    def with_own_tick(self, person: Any) -> Self:
        """What the person said of each, as `mine`."""
        own = Tick.objects.filter(claim=OuterRef("pk"), person=person.pk)
        return self.annotate(mine=Subquery(own.values("holds")[:1]))


class Claim(models.Model):
    """One thing that a contribution says: a bug that it fixes, or how to see that it works."""

    class Kind(models.TextChoices):
        FIXES = "fixes", _("Fixes")
        TEST = "test", _("How to test it")

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="claims")
    kind = models.CharField(max_length=5, choices=Kind)
    text = models.CharField(max_length=300)
    url = models.URLField(max_length=500, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    removed_at = models.DateTimeField(null=True, editable=False)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.text


class TickQuerySet(models.QuerySet["Tick"]):
    def newest_of_each(self, most: int) -> Self:
        """At most so many of each claim, the newest first, with what a line about them names."""
        place = Window(RowNumber(), partition_by=F("claim"), order_by=F("pk").desc())
        named = self.select_related("person", "organisation", "revision")
        return named.defer("revision__files", "revision__commits").annotate(place=place).filter(place__lte=most)


class Tick(models.Model):
    """Somebody tried a claim: it holds for them, or it does not."""

    claim = models.ForeignKey(Claim, on_delete=models.CASCADE, related_name="ticks")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, related_name="+")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="+")
    holds = models.BooleanField()
    text = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TickQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["claim", "person"], name="one_tick_of_a_claim")]

    def __str__(self) -> str:
        return f"{self.person}: {self.claim} {'holds' if self.holds else 'fails'}"
