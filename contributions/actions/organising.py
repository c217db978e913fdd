"""Founding an organisation, and who belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from contributions.errors import Clash, Invalid, Missing, NotAllowed
from contributions.models import Event, FormerName, Membership, Organisation, Person
from contributions.plaintext import clean

from .belonging import note_owners
from .pacing import pace
from .words import one_line, prose

if TYPE_CHECKING:
    from django.db.models import QuerySet

NAME_LENGTH, ABOUT_BYTES = 100, 8000
RESERVED = frozenset({"new"})


def found_organisation(*, founder: Person, name: str, about: str = "", website: str = "") -> Organisation:
    """Make an organisation whose first owner is its founder."""
    pace(founder, Event.Verb.JOINED)
    name = one_line(name, most=NAME_LENGTH, what="The name", field="name")
    about = prose(about, most=ABOUT_BYTES, what="The text", field="about")
    slug = slugify(name)[:60]
    if not slug or slug in RESERVED:
        raise Invalid("Choose a name with some letters or digits in it.", field="name")
    if FormerName.objects.taken(FormerName.Kind.ORGANISATION, slug):
        raise Clash(f"“{slug}” belonged to another organisation once, and is given to nobody again.", field="name")
    if website and not website.startswith(("https://", "http://")):
        raise Invalid("A web site's address begins with https://.", field="website")
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(slug=slug, name=name, about=about, website=website)
            _join(organisation, founder, Membership.Role.OWNER, founder)
    except IntegrityError:
        raise Clash("There is an organisation of that name already.", field="name") from None
    return organisation


def add_member(*, person: Person, organisation: Organisation, username: str) -> Membership:
    if not organisation.may_be_run_by(person):
        raise NotAllowed("Only an owner of the organisation can add members.")
    pace(person, Event.Verb.JOINED)
    username = clean(username).strip()
    member = Person.objects.filter(username=username, is_active=True).first()
    if member is None:
        raise Missing(f"There is no account named {username[:60]!r}.", field="username")
    try:
        with transaction.atomic():
            return _join(organisation, member, Membership.Role.MEMBER, person)
    except IntegrityError:
        raise Clash(f"{member.username} is a member already.", field="username") from None


def remove_member(*, person: Person, organisation: Organisation, username: str) -> None:
    """Owners remove anyone; everyone may leave. The last owner stays, so that somebody can act for it."""
    username = clean(username)
    if not (organisation.may_be_run_by(person) or person.username == username):
        raise NotAllowed("Only an owner of the organisation can remove members.")
    pace(person, Event.Verb.LEFT)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)  # two last owners leave one after the other
        members = organisation.memberships.select_related("person")
        leaving = members.filter(person__username=username).first()
        if leaving is None:
            raise Missing(f"{username[:60]!r} is not a member.", field="username")
        if leaving.role == Membership.Role.OWNER and _owners(members).count() == 1:
            raise Clash("The last owner cannot leave; make somebody else an owner first.", field="username")
        text = organisation.slug if leaving.person == person else f"{organisation.slug}: {leaving.person.username}"
        Event.objects.write(Event.Verb.LEFT, actor=person, subject=leaving.person, text=text)
        owners = organisation.owner_keys()
        leaving.delete()
        note_owners(organisation, owners, actor=person)


def _owners(members: QuerySet[Membership]) -> QuerySet[Membership]:
    return members.filter(role=Membership.Role.OWNER)


def _join(organisation: Organisation, member: Person, role: str, by: Person) -> Membership:
    membership = Membership.objects.create(organisation=organisation, person=member, role=role)
    text = organisation.slug if by == member else f"{organisation.slug}: {member.username}"
    Event.objects.write(Event.Verb.JOINED, actor=by, text=text)
    return membership
