"""Whom a stack's contents concern: its organisation's people, or its author alone, unless they muted it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, Q

from contributions.models import Assembly, Event, Follow, Membership, Organisation, Person, Pick, Stack

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from contributions.models import Contribution, Revision

Verb = Event.Verb


def stacks_touched(event: Event) -> QuerySet[Stack]:
    """The stacks in use that hold what the event is about, where that changes something for them."""
    return Stack.objects.filter(_touched(event), archived_at=None)


def _touched(event: Event) -> Q:
    if event.verb in {Verb.FORECAST, Verb.WITHHELD}:
        return Q(pk=event.stack_id or 0)
    if event.verb == Verb.ADVISED:
        return _advised_against(event)
    if event.verb == Verb.APPROVED and event.contribution is not None and event.revision is not None:
        return _superseded(event.contribution, event.revision)
    holds = Q(picks__contribution=event.contribution_id or 0)
    return holds & Q(release=event.release_id or 0) if event.verb == Verb.STRANDED else holds


def _advised_against(event: Event) -> Q:
    """It holds an affected contribution, and pins no revision of it that is not affected."""
    affected = event.advisory.affected.all() if event.advisory else []
    keys = [revision.pk for revision in affected]
    touched = {revision.contribution_id for revision in affected}
    free = Pick.objects.filter(revision=None, contribution__in=touched)
    return Q(pk__in=free.values("stack")) | Q(pk__in=Pick.objects.filter(revision__in=keys).values("stack"))


def _superseded(contribution: Contribution, approved: Revision) -> Q:
    """It pins an older revision, or follows the current one and was assembled before that was sent."""
    pinned = Pick.objects.filter(contribution=contribution, revision__number__lt=approved.number)
    free = Pick.objects.filter(contribution=contribution, revision=None)
    laid = Assembly.objects.filter(contributions=contribution, created_at__lt=approved.created_at)
    old = free.filter(stack__in=laid.values("stack")) if approved.number > 1 else free.none()
    return Q(pk__in=pinned.values("stack")) | Q(pk__in=old.values("stack"))


def carriers_of(stacks: QuerySet[Stack]) -> QuerySet[Person]:
    """The members of their organisations and the authors of those without one, each of whom may mute a stack."""
    muted = Follow.objects.filter(is_muted=True, stack=OuterRef("stack"), person=OuterRef("person"))
    members = Membership.objects.annotate(stack=F("organisation__stacks")).filter(stack__in=stacks.values("pk"))
    alone = stacks.filter(organisation=None).annotate(stack=F("pk"), person=F("author"))
    heard = members.filter(~Exists(muted)).order_by().values("person")
    authors = alone.filter(~Exists(muted)).order_by().values("author")
    return Person.objects.filter(Q(pk__in=heard) | Q(pk__in=authors))


def members_of(organisation: Organisation) -> QuerySet[Person]:
    return Person.objects.filter(pk__in=organisation.memberships.order_by().values("person"))


def organisations_of(stacks: QuerySet[Stack]) -> QuerySet[Organisation]:
    return Organisation.objects.filter(pk__in=stacks.order_by().values("organisation"))
