"""Whom an event is told: the feed's listeners, those whose organisation touched what is recalled, whoever follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q

from contributions.mentions import mentioned
from contributions.models import (
    Build,
    Contribution,
    Delivery,
    Event,
    FieldReport,
    Follow,
    Letter,
    LineComment,
    Mailing,
    Membership,
    Notification,
    Organisation,
    Person,
    Revision,
    Webhook,
)
from contributions.models.hearing import hearers_of_publication, hearers_of_revisions
from contributions.models.news import Rhythm

from .carriers import carriers_of, members_of, organisations_of, stacks_touched
from .wording import WORDS, news_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    Told = Iterator[tuple[str, QuerySet[Any]]]

Verb, Why = Event.Verb, Notification.Why
PART_TAKEN = {Verb.SUBMITTED, Verb.COMMENTED, Verb.REMARKED, Verb.REPORTED, Verb.UNNAMED, Verb.REVIEWED, Verb.TICKED}
TO_ITS_SUBJECT = {Verb.REMOVED, Verb.INVITED, Verb.OFFERED, Verb.TRANSFERRED}
TO_FOLLOWERS = {
    *(Verb.COMMENTED, Verb.REMARKED, Verb.ANSWERED, Verb.REPORTED, Verb.REVIEWED, Verb.APPROVED, Verb.MERGED),
    *(Verb.PUBLISHED, Verb.UNPUBLISHED, Verb.WITHDRAWN, Verb.QUARANTINED, Verb.RESTORED),
}
OF_RELEASES = {Verb.TAKEN, Verb.STRANDED}  # what is told of the matrix, and nothing else of it
OF_STACKS = {
    *(Verb.WITHDRAWN, Verb.UNPUBLISHED, Verb.WITHHELD, Verb.RESTORED, Verb.ADVISED, Verb.APPROVED),
    *(Verb.TAKEN, Verb.STRANDED, Verb.FORECAST),
}
TO_AUTHOR = TO_FOLLOWERS | {Verb.REFUSED, Verb.TICKED, Verb.ALIKE}


def announce(event: Event) -> None:
    """Queue the event for every webhook that listens to the feed, in the caller's transaction."""
    _queue_deliveries(event, Webhook.objects.hearing(Webhook.Topic.FEED))


def recall(event: Event) -> None:
    """Queue a letter or a delivery for all whom the recall concerns, in the caller's transaction; twice is once."""
    hearers = hearers_of(event)
    Letter.objects.queue_for("person", _readers(hearers), event=event)
    _queue_deliveries(event, Webhook.objects.hearing(Webhook.Topic.RECALLS).filter(organisation__in=hearers))


def tell_owners(event: Event, organisation: Organisation) -> None:
    """Queue a letter for each owner of the organisation, whatever mail they asked for: it is about their own doing."""
    owners = organisation.memberships.filter(role=Membership.Role.OWNER, person__is_active=True).exclude(
        person__email=""
    )
    Letter.objects.queue_for("person", owners.order_by("person").values("person"), event=event)


def _queue_deliveries(event: Event, webhooks: QuerySet[Webhook]) -> None:
    if webhooks.exists():
        word, body = WORDS[event.verb], json.dumps(news_of(event), ensure_ascii=False)
        Delivery.objects.queue_for("webhook", webhooks.order_by("pk").values("pk"), event=event, word=word, body=body)


def _readers(organisations: QuerySet[Organisation]) -> QuerySet[Any, Any]:
    mail, owner = Person.RecallMail, Q(role=Membership.Role.OWNER)
    wanted = Q(person__recall_mail=mail.ALL) | Q(person__recall_mail=mail.OWNED) & owner
    reached = Membership.objects.filter(wanted, organisation__in=organisations, person__is_active=True)
    return reached.exclude(person__email="").order_by("person").values("person").distinct()


def hearers_of(event: Event) -> QuerySet[Organisation]:
    """The organisations that a recall concerns."""
    if event.advisory is not None:
        return hearers_of_revisions(event.advisory.affected.all())
    if event.publication is not None:
        return hearers_of_publication(event.publication)
    return hearers_of_revisions(Revision.objects.filter(contribution=event.contribution_id))


def ask(report: FieldReport) -> Mailing:
    """Queue one letter that asks the report's author whether it still holds; `asking.question_of` words it."""
    return Mailing.objects.create(
        person=report.author, contribution=report.contribution, report=report, rhythm=Rhythm.NOW
    )


def tell(event: Event) -> None:
    """A line for everybody whom the event concerns, for the best of the reasons; twice is once.

    Whoever took part follows from now on, and is told of what comes next.
    """
    if event.verb in PART_TAKEN and event.actor_id and event.contribution:
        Follow.objects.take_part(event.actor_id, event.contribution)
    for why, chosen in _concerned(event):
        Notification.objects.tell(event, why, who_may_hear(event, chosen))
    if event.verb in OF_STACKS:
        _tell_carriers(event)
    if event.verb == Verb.INVITED:  # whose letter went with the invitation itself
        Notification.objects.filter(event=event).update(due_at=None)


def _tell_carriers(event: Event) -> None:
    """Whoever has it in a stack, or follows a public stack that holds it; and the webhooks of their organisations."""
    stacks = stacks_touched(event)
    Notification.objects.tell(event, Why.STACK, who_may_hear(event, carriers_of(stacks)))
    followed = stacks.none() if event.verb == Verb.WITHHELD else stacks.filter(is_public=True)
    for why, follows in _followers(stack__in=followed):
        Notification.objects.tell(event, why, who_may_hear(event, follows))
    hearers = organisations_of(stacks)
    if event.verb == Verb.FORECAST and event.organisation is not None:
        Notification.objects.tell(event, Why.STACK, who_may_hear(event, members_of(event.organisation)))
        hearers |= Organisation.objects.filter(pk=event.organisation.pk)
    if event.contribution is None or event.contribution.is_public:
        _queue_deliveries(event, Webhook.objects.hearing(Webhook.Topic.STACKS).filter(organisation__in=hearers))


def _concerned(event: Event) -> Told:
    """Why, and the people or the follows; the best reasons come first."""
    if event.verb == Verb.FLAGGED:
        yield Why.STAFF, Person.objects.filter(is_staff=True).exclude(pk=event.subject_id or 0)
    elif event.verb in TO_ITS_SUBJECT:
        yield Why.YOU, Person.objects.filter(pk=event.subject_id or 0)
    elif event.verb in OF_RELEASES:
        if event.contribution and event.release and event.release.is_supported and not event.contribution.is_withdrawn:
            yield from _concerned_by_turn(event.contribution)
    elif event.contribution is not None:
        yield from _concerned_by(event, event.contribution)
    elif event.advisory is not None:
        affected = Contribution.objects.filter(revisions__in=event.advisory.affected.all())
        yield Why.AUTHOR, Person.objects.filter(pk__in=affected.values("author"))
        yield from _followers(contribution__in=affected)
        yield from _followers(component=event.component_id)
    elif event.verb == Verb.RELEASED:
        yield from _followers(component=event.component_id)


def _concerned_by(event: Event, contribution: Contribution) -> Told:
    if event.revision is not None and event.revision.is_port:
        yield from _concerned_by_a_port(event, contribution, event.revision)
        return
    is_new = appears(event)
    if event.comment is not None or is_new:
        yield from _spoken_to(event, contribution)
    if event.verb in TO_AUTHOR or _is_news_to_its_author(event):
        yield Why.AUTHOR, Person.objects.filter(pk=contribution.author_id)
    waits = contribution.state == contribution.State.OPEN and not (contribution.is_draft and contribution.is_internal)
    if event.verb in {Verb.RECEIVED, Verb.SHARED} and waits:
        yield Why.REVIEW, Person.objects.filter(maintained_components=contribution.component_id)
    if event.verb in TO_FOLLOWERS or (event.verb == Verb.RECEIVED and not is_new):
        yield from _followers(contribution=contribution)
    if is_new:
        yield from _followers(whom=contribution.author_id)
        yield from _followers(organisation=contribution.organisation_id)
    if is_new or event.verb in {Verb.PUBLISHED, Verb.UNPUBLISHED}:
        yield from _followers(release=event.release_id or contribution.release_id)
        yield from _followers(component=contribution.component_id)


def _concerned_by_turn(contribution: Contribution) -> Told:
    """Its author, who follows it, and the people of organisations where it runs."""
    yield Why.AUTHOR, Person.objects.filter(pk=contribution.author_id)
    yield from _followers(contribution=contribution)
    runs = FieldReport.objects.filter(contribution=contribution).exclude(outcome=FieldReport.Outcome.BROKEN)
    yield Why.RUNS, Person.objects.filter(memberships__organisation__in=runs.values("organisation")).distinct()


def _concerned_by_a_port(event: Event, contribution: Contribution, port: Revision) -> Told:
    """Who sent it hears what becomes of it; who may have to look at it, once it is there."""
    if event.verb == Verb.REFUSED or _is_news_to_its_author(event):
        yield Why.YOU, Person.objects.filter(pk=port.submitted_by_id)
    if event.verb in {Verb.REVIEWED, Verb.PUBLISHED, Verb.UNPUBLISHED, Verb.UNPORTED}:
        yield Why.YOU, Person.objects.filter(pk=port.submitted_by_id)
    if event.verb in TO_FOLLOWERS | {Verb.PORTED, Verb.UNPORTED}:
        yield Why.AUTHOR, Person.objects.filter(pk=contribution.author_id)
        yield from _followers(contribution=contribution)
    if event.verb == Verb.PORTED:
        yield Why.REVIEW, Person.objects.filter(maintained_components=contribution.component_id)
    if event.verb in {Verb.PUBLISHED, Verb.UNPUBLISHED}:
        yield from _followers(release=event.release_id)
        yield from _followers(component=contribution.component_id)


def _followers(**things: Any) -> Told:
    follows = Follow.objects.hearing().filter(**things) if None not in things.values() else Follow.objects.none()
    yield Why.FOLLOWING, follows.filter(is_chosen=True)
    yield Why.PART, follows.filter(is_chosen=False)


def _spoken_to(event: Event, contribution: Contribution) -> Told:
    """Those who are mentioned, and those who are answered, in the discussion and on lines."""
    said = event.comment
    if said is None:
        yield Why.MENTION, _named_in(contribution.description)
        return
    if event.verb == Verb.ANSWERED:
        yield Why.YOU, Person.objects.filter(pk=said.author_id)
        return
    remarks = LineComment.objects.filter(round=said, removed_at=None)
    yield Why.MENTION, _named_in(said.text, *remarks.values_list("text", flat=True))
    threads = remarks.exclude(parent=None).values("parent")
    there = LineComment.objects.filter(Q(pk__in=threads) | Q(parent__in=threads)).exclude(published_at=None)
    answered = Q(pk__in=there.values("author"))
    yield Why.ANSWER, Person.objects.filter(answered | Q(pk=said.parent.author_id) if said.parent else answered)


def _named_in(*texts: str) -> QuerySet[Person]:
    return Person.objects.filter(username__in={name for text in texts for name in mentioned(text)})


def appears(event: Event) -> bool:
    """Whether everybody sees the contribution for the first time."""
    if event.contribution is None or not event.contribution.is_public:
        return False
    if event.verb != Verb.RECEIVED:
        return event.verb == Verb.SHARED
    same = Event.objects.filter(contribution=event.contribution_id)
    instead = Q(verb=Verb.RECEIVED, pk__lt=event.pk) | Q(verb=Verb.SHARED, pk__gt=event.pk)
    return not same.filter(instead).exists()


def _is_news_to_its_author(event: Event) -> bool:
    """A build that failed, and the first that passed."""
    if event.verb != Verb.BUILT:
        return False
    passed = Event.objects.filter(contribution=event.contribution_id, verb=Verb.BUILT, text=Build.State.PASSED)
    return event.text != Build.State.PASSED or not passed.filter(revision=event.revision_id, pk__lt=event.pk).exists()


def who_may_hear(event: Event, chosen: QuerySet[Any]) -> QuerySet[Any]:
    """Without whoever did it, who may not know of it, who muted it, and suspended accounts."""
    at = "person__" if chosen.model is Follow else ""
    may = Q(**{f"{at}is_active": True}) & ~Q(**{f"{at}pk": _doer_of(event)})
    contribution = event.contribution
    if contribution is None:
        return chosen.filter(may)
    if not contribution.is_public:
        may &= _privy_to(contribution, at)
    muted = Follow.objects.filter(person=OuterRef("person" if at else "pk"), contribution=contribution, is_muted=True)
    return chosen.filter(may, ~Exists(muted))


def _doer_of(event: Event) -> int:
    """Who needs not be told; what a worker received, or made public, its author has sent. No key is 0."""
    if event.contribution is not None and event.verb in {Verb.RECEIVED, Verb.SHARED}:
        return event.contribution.author_id
    if event.verb == Verb.REPORTED and event.actor_id is None:
        unnamed = Event.objects.filter(verb=Verb.UNNAMED, contribution=event.contribution_id, pk__gt=event.pk)
        return unnamed.order_by("pk").values_list("actor", flat=True).first() or 0
    return event.actor_id or 0


def _privy_to(contribution: Contribution, at: str) -> Q:
    """Those who may know of what is not public; `Contribution.objects.visible_to` asks the same of contributions."""
    privy = Q(**{f"{at}pk": contribution.author_id}) | Q(**{f"{at}is_staff": True})
    if contribution.current_id is None or contribution.is_draft:
        return privy
    keepers = contribution.component.maintainers.values("pk")
    return privy | Q(**{f"{at}pk__in": keepers})
