"""Which mail a person wants, and leaving it with one press; what was read on the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from contributions.errors import Invalid, Missing
from contributions.models import Contribution, Notification, Person
from contributions.models.news import About, Rhythm, next_post, rules_of
from contributions.pipeline.delivering import UNSUBSCRIBE_SALT
from contributions.pipeline.mailing import STOP_SALT

from .following import mute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

BROKEN_LINK = "This link is not whole. Copy all of it from the letter."


def choose_mail(*, person: Person, recall_mail: str) -> Person:
    if recall_mail not in Person.RecallMail.values:
        raise Invalid("Choose one of " + ", ".join(Person.RecallMail.values) + ".", field="recall_mail")
    _row(person.pk).update(recall_mail=recall_mail)
    person.refresh_from_db(fields=["recall_mail"])
    return person


def choose_rules(*, person: Person, rules: Mapping[str, str]) -> Person:
    """How often there is mail about what; what is not named stays. What waits already keeps to the new rule."""
    for about, rhythm in rules.items():
        if about not in About.values:
            raise Invalid("Mail is about one of " + ", ".join(About.values) + ".")
        if rhythm not in Rhythm.values or (about == About.QUESTIONS and rhythm not in {Rhythm.NOW, Rhythm.NEVER}):
            raise Invalid("Choose one of " + ", ".join(Rhythm.values) + ".", field=about)
    with transaction.atomic():
        locked = Person.objects.select_for_update().get(pk=person.pk)
        changed = {about: rhythm for about, rhythm in rules.items() if rules_of(locked)[about] != rhythm}
        _row(person.pk).update(mail_rules=locked.mail_rules | changed)
        for about, rhythm in changed.items():
            whys = [why for why, of in Notification.ABOUT.items() if of == about]
            waiting = Notification.objects.filter(person=person, why__in=whys).exclude(due_at=None)
            waiting.update(rhythm=rhythm, due_at=next_post(rhythm, timezone.now()))
    person.refresh_from_db(fields=["mail_rules"])
    return person


def unsubscribe(*, token: str) -> Person:
    """What the link in every letter about a recall does: no more of them. Whoever holds the link may."""
    person = holder_of(token)
    return choose_mail(person=person, recall_mail=Person.RecallMail.NONE)


def holder_of(token: str) -> Person:
    """Whose letter the link was in; raises Missing."""
    return _person(_signed(token, UNSUBSCRIBE_SALT))


def stop(*, token: str) -> tuple[Person, list[str], Contribution | None]:
    """What the links in every letter of news do: no more mail about something, or no more of one contribution."""
    person, abouts, contribution = meant_by_link(token=token)
    if contribution is not None:
        mute(person=person, contribution=contribution)
    else:
        choose_rules(person=person, rules=dict.fromkeys(abouts, Rhythm.NEVER.value))
    return person, abouts, contribution


def meant_by_link(*, token: str) -> tuple[Person, list[str], Contribution | None]:
    """Whose letter the link was in, and what it ends: mail about these, or all of the contribution. Raises Missing."""
    pk, word, *rest = _signed(token, STOP_SALT) or (None, "")
    person = _person(pk)
    if word == "mail":
        return person, [about for about in rest if about in About.values], None
    contribution = Contribution.objects.visible_to(person).filter(pk=rest[0]).first()
    if contribution is None:
        raise Missing("There is no such contribution any more, and you will hear no more of it.")
    return person, [], contribution


def mark_read(*, person: Person, keys: Sequence[int] | None = None, contribution: int | None = None) -> int:
    """Note that the person has read these notifications, those about one contribution, or all; return how many."""
    rows = Notification.objects.filter(person=person)
    if keys is not None:
        rows = rows.filter(pk__in=keys)
    if contribution is not None:
        rows = rows.filter(contribution=contribution)
    return rows.mark_read()


def open_notification(*, person: Person, number: int) -> Notification:
    """Read one: whatever was told before it of the same contribution is read with it. Raises Missing."""
    found = Notification.objects.seen_by(person).with_names().filter(pk=number).first()
    if found is None:
        raise Missing("There is no such notification, or what it told of is out of sight.")
    same = Q(contribution=found.contribution_id) if found.contribution_id else Q(pk=number)
    Notification.objects.filter(same, person=person, pk__lte=number).mark_read()
    return found


def _signed(token: str, salt: str) -> Any:
    try:
        return signing.loads(token, salt=salt)
    except signing.BadSignature:
        return None


def _person(pk: Any) -> Person:
    person = _row(pk).first() if isinstance(pk, int) else None
    if person is None:
        raise Missing(BROKEN_LINK)
    return person


def _row(pk: int) -> QuerySet[Person]:
    return Person.objects.filter(pk=pk)
