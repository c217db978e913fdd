"""Inviting people into an organisation: nobody belongs to one who did not accept."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from contributions.errors import Clash, Invalid, Missing, NotAllowed
from contributions.models import Event, Invitation, Membership, Organisation, Person
from contributions.models.invitation import UNKNOWN_INVITATION
from contributions.plaintext import clean

from .belonging import note_owners
from .pacing import pace

LIVES = timedelta(days=14)
MOST_OPEN = 100  # invitations of one organisation at a time
SUBJECT = "[{site}] {organisation} invites you"
LETTER = """\
Hello,

{inviter} invites you to speak for {organisation} on {site}, as {role}.

Accept or decline, until {until}:

  {link}

Whoever has this link can use it once. If you do not know who writes to you, there is nothing to do.

{site} {url}
"""


def invite(
    *,
    person: Person,
    organisation: Organisation,
    username: str = "",
    email: str = "",
    role: str = Membership.Role.MEMBER,
) -> Invitation:
    """Invite an account by its name, or whoever reads a mail address; only they make a member of it.

    Whether a mail address has an account is told to nobody: the same letter goes to any.
    """
    _refuse_stranger(person, organisation)
    if role not in Membership.Role.values:
        raise Invalid("The role is one of " + ", ".join(Membership.Role.values) + ".", field="role")
    pace(person, Event.Verb.INVITED)
    invited, address = _meant(organisation, clean(username).strip(), clean(email).strip())
    if organisation.invitations.waiting().count() >= MOST_OPEN:
        raise Clash(f"{MOST_OPEN} invitations wait already, which is the most. Take some back first.")
    secret = secrets.token_urlsafe(32)
    given = {
        "role": role,
        "invited_by": person,
        "digest": Invitation.digest_of(secret),
        "expires_at": timezone.now() + LIVES,
    }
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)  # of two for the same the later one stands
        earlier = organisation.invitations.filter(person=invited, email=address, state=Invitation.State.OPEN)
        earlier.update(state=Invitation.State.REVOKED)
        made = Invitation.objects.create(organisation=organisation, person=invited, email=address, **given)
        Event.objects.write(
            Event.Verb.INVITED, actor=person, subject=invited, organisation=organisation, text=organisation.slug
        )
        _write(made, secret)
    return made


def accept_invitation(*, person: Person, invitation: Invitation) -> Membership:
    """Become a member, if whoever invited still speaks for the organisation."""
    _refuse_other(person, invitation)
    pace(person, Event.Verb.JOINED)
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=invitation.organisation_id)
        if not organisation.may_be_run_by(invitation.invited_by):
            invitation.move(Invitation.State.REVOKED)
            refusal = f"{invitation.invited_by} does not speak for {organisation} any more, so it is void."
        elif organisation.memberships.filter(person=person).exists():
            refusal = f"You are a member of {organisation} already."
        else:
            return _join(person, invitation, organisation)
    raise Clash(refusal)


def _join(person: Person, invitation: Invitation, organisation: Organisation) -> Membership:
    owners = organisation.owner_keys()
    invitation.move(Invitation.State.ACCEPTED, person=person)
    try:
        with transaction.atomic():
            membership = Membership.objects.create(organisation=organisation, person=person, role=invitation.role)
    except IntegrityError:
        raise Clash(f"You are a member of {organisation} already.") from None
    Event.objects.write(Event.Verb.JOINED, actor=person, text=organisation.slug)
    note_owners(organisation, owners, actor=invitation.invited_by)
    return membership


def decline_invitation(*, person: Person, invitation: Invitation) -> Invitation:
    _refuse_other(person, invitation)
    pace(person, Event.Verb.DECLINED)
    with transaction.atomic():
        Event.objects.write(Event.Verb.DECLINED, actor=person, organisation=invitation.organisation)
        return invitation.move(Invitation.State.DECLINED)


def revoke_invitation(*, person: Person, invitation: Invitation) -> Invitation:
    """Take it back; its link leads nowhere from then on."""
    _refuse_stranger(person, invitation.organisation)
    pace(person, Event.Verb.INVITED)
    with transaction.atomic():
        Event.objects.write(
            Event.Verb.INVITED, actor=person, organisation=invitation.organisation, text="An invitation was taken back."
        )
        return invitation.move(Invitation.State.REVOKED)


def _refuse_stranger(person: Person, organisation: Organisation) -> None:
    if not organisation.may_be_run_by(person):
        raise NotAllowed("Only an owner of the organisation can invite people.")


def _refuse_other(person: Person, invitation: Invitation) -> None:
    """One that names an account is that account's alone; one to a mail address is whoever's has its link."""
    if invitation.person_id not in {None, person.pk} or invitation.expires_at <= timezone.now():
        raise Missing(UNKNOWN_INVITATION)


def _meant(organisation: Organisation, username: str, email: str) -> tuple[Person | None, str]:
    if bool(username) == bool(email):
        raise Invalid("Name an account or a mail address, one of the two.", field="username")
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise Invalid("That is no mail address.", field="email") from None
        return None, email
    invited = Person.objects.filter(username=username, is_active=True).first()
    if invited is None:
        raise Missing(f"There is no account named {username[:60]!r}.", field="username")
    if organisation.memberships.filter(person=invited).exists():
        raise Clash(f"{invited.username} is a member already.", field="username")
    return invited, ""


def _write(made: Invitation, secret: str) -> None:
    """Mail once all is committed; who has an account finds the invitation there as well."""
    address = made.person.email if made.person else made.email
    if not address:
        return
    words = {"site": settings.SITE_NAME, "organisation": made.organisation.name, "inviter": str(made.invited_by)}
    link = f"{settings.SITE_URL}{reverse('invitation', args=[secret])}"
    role, until = made.get_role_display().lower(), f"{made.expires_at:%Y-%m-%d}"
    text = LETTER.format(role=role, until=until, link=link, url=settings.SITE_URL, **words)
    subject = " ".join(SUBJECT.format(**words).split())
    transaction.on_commit(lambda: send_mail(subject, text, None, [address]), robust=True)
