"""Founding an organisation, and who belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from contributions.errors import Clash, Invalid, Missing, NotAllowed, TooLarge
from contributions.models import Event, FormerName, Membership, Organisation, Person
from contributions.plaintext import clean

from .belonging import note_owners
from .pacing import pace
from .words import one_line, prose

if TYPE_CHECKING:
    from django.db.models import QuerySet

NAME_LENGTH, ABOUT_BYTES, SECTOR_LENGTH, WEBSITE_LENGTH = 100, 8000, 60, 200
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
    website = _web_address(website)
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(slug=slug, name=name, about=about, website=website)
            Membership.objects.create(organisation=organisation, person=founder, role=Membership.Role.OWNER)
            Event.objects.write(Event.Verb.JOINED, actor=founder, text=organisation.slug)
    except IntegrityError:
        raise Clash("There is an organisation of that name already.", field="name") from None
    return organisation


def describe(
    *,
    person: Person,
    organisation: Organisation,
    sector: str | None = None,
    about: str | None = None,
    website: str | None = None,
) -> Organisation:
    """Change what its page tells; what is None stays as it is. Reports keep the sector that they were given with."""
    if not organisation.may_be_run_by(person):
        raise NotAllowed("Only an owner of the organisation can change what is told of it.")
    pace(person, Event.Verb.DESCRIBED)
    told: dict[str, str] = {}
    if sector is not None:
        told["sector"] = _sector(sector)
    if about is not None:
        told["about"] = prose(about, most=ABOUT_BYTES, what="The text", field="about")
    if website is not None:
        told["website"] = _web_address(website)
    with transaction.atomic():
        now = Organisation.objects.select_for_update().get(pk=organisation.pk)
        changed = {name: value for name, value in told.items() if getattr(now, name) != value}
        if changed:
            Organisation.objects.filter(pk=now.pk).update(**changed)
            Event.objects.write(
                Event.Verb.DESCRIBED, actor=person, organisation=now, text=f"{now.slug}: {', '.join(changed)}"
            )
    organisation.refresh_from_db()
    return organisation


def _sector(text: str) -> str:
    """May be empty: then nothing is told of it."""
    return one_line(text, most=SECTOR_LENGTH, what="The sector", field="sector") if clean(text).strip() else ""


def _web_address(text: str) -> str:
    address = clean(text).strip()
    if address and not address.startswith(("https://", "http://")):
        raise Invalid("A web site's address begins with https://.", field="website")
    if len(address) > WEBSITE_LENGTH:
        raise TooLarge(f"The address has more than {WEBSITE_LENGTH} characters.", field="website")
    try:
        URLValidator()(address or "https://example.org/")
    except ValidationError:
        raise Invalid("That is no address of a web site.", field="website") from None
    return address


def set_role(*, person: Person, organisation: Organisation, username: str, role: str) -> Membership:
    """Owners make members owners and owners members. The last owner stays one."""
    if not organisation.may_be_run_by(person):
        raise NotAllowed("Only an owner of the organisation can change roles.")
    if role not in Membership.Role.values:
        raise Invalid("The role is one of " + ", ".join(Membership.Role.values) + ".", field="role")
    pace(person, Event.Verb.TRANSFERRED)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        membership = _member(organisation, clean(username))
        owners = organisation.owner_keys()
        if owners == [membership.person_id] and role != Membership.Role.OWNER:
            raise Clash("The last owner stays one; make somebody else an owner first.", field="username")
        Membership.objects.filter(pk=membership.pk).update(role=role)
        text = f"{organisation.slug}: {membership.person.username} is {role}"
        Event.objects.write(
            Event.Verb.TRANSFERRED, actor=person, subject=membership.person, organisation=organisation, text=text
        )
        note_owners(organisation, owners, actor=person)
    membership.refresh_from_db()
    return membership


def speak_for(*, person: Person, organisation: Organisation) -> Membership:
    """Choose which of one's organisations is named beside what one says from now on."""
    membership = organisation.memberships.filter(person=person).first()
    if membership is None:
        raise NotAllowed(f"You are no member of {organisation}.")
    pace(person, Event.Verb.TRANSFERRED)
    with transaction.atomic():
        Membership.objects.filter(pk=membership.pk).update(chosen_at=Now())
        text = f"{person.username} speaks for {organisation.slug}"
        Event.objects.write(Event.Verb.TRANSFERRED, actor=person, organisation=organisation, text=text)
    return membership


def remove_member(*, person: Person, organisation: Organisation, username: str) -> None:
    """Owners remove anyone; everyone may leave. The last owner stays, so that somebody can act for it."""
    username = clean(username)
    if not (organisation.may_be_run_by(person) or person.username == username):
        raise NotAllowed("Only an owner of the organisation can remove members.")
    pace(person, Event.Verb.LEFT)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)  # two last owners leave one after the other
        members = organisation.memberships.select_related("person")
        leaving = _member(organisation, username)
        if leaving.role == Membership.Role.OWNER and _owners(members).count() == 1:
            raise Clash("The last owner cannot leave; make somebody else an owner first.", field="username")
        text = organisation.slug if leaving.person == person else f"{organisation.slug}: {leaving.person.username}"
        Event.objects.write(Event.Verb.LEFT, actor=person, subject=leaving.person, text=text)
        owners = organisation.owner_keys()
        leaving.delete()
        note_owners(organisation, owners, actor=person)


def _member(organisation: Organisation, username: str) -> Membership:
    found = organisation.memberships.select_related("person").filter(person__username=username).first()
    if found is None:
        raise Missing(f"{username[:60]!r} is not a member.", field="username")
    return found


def _owners(members: QuerySet[Membership]) -> QuerySet[Membership]:
    return members.filter(role=Membership.Role.OWNER)
