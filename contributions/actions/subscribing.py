"""Which mail a person wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import signing

from contributions.errors import Invalid, Missing
from contributions.models import Person
from contributions.pipeline.delivering import UNSUBSCRIBE_SALT

if TYPE_CHECKING:
    from django.db.models import QuerySet


def choose_mail(*, person: Person, recall_mail: str) -> Person:
    if recall_mail not in Person.RecallMail.values:
        raise Invalid("Choose one of " + ", ".join(Person.RecallMail.values) + ".", field="recall_mail")
    _row(person.pk).update(recall_mail=recall_mail)
    person.refresh_from_db(fields=["recall_mail"])
    return person


def unsubscribe(*, token: str) -> Person:
    """What the link in every letter does: no more mail about recalls. Whoever holds the link may."""
    person = holder_of(token)
    return choose_mail(person=person, recall_mail=Person.RecallMail.NONE)


def holder_of(token: str) -> Person:
    """Whose letter the link was in; raises Missing."""
    try:
        pk = signing.loads(token, salt=UNSUBSCRIBE_SALT)
    except signing.BadSignature:
        pk = None
    person = _row(pk).first() if isinstance(pk, int) else None
    if person is None:
        raise Missing("This link is not whole. Copy all of it from the letter.")
    return person


def _row(pk: int) -> QuerySet[Person]:
    return Person.objects.filter(pk=pk)
