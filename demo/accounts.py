"""The people of the demo: accounts, organisations, and a token for each of them."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Any

from contributions.actions.inviting import accept_invitation, invite
from contributions.actions.issuing import make_token
from contributions.actions.organising import found_organisation
from contributions.models import ApiToken, Organisation, Person
from demo import plan
from demo.rest import Client

if TYPE_CHECKING:
    from pathlib import Path

SCOPES = ["read", "write", "review"]
DAYS = 365


class Accounts:
    """One password for all, and each one's token: kept in a private file so that a later demo finds them."""

    def __init__(self, keep: Path, site: str) -> None:
        self._keep = keep
        self._site = site
        self._kept: dict[str, Any] = json.loads(keep.read_text()) if keep.exists() else {}

    @property
    def password(self) -> str:
        if "password" not in self._kept:
            self._kept["password"] = secrets.token_urlsafe(9)
            self._save()
        return str(self._kept["password"])

    @property
    def nobody(self) -> Client:
        """The hands of somebody who is not logged in."""
        return Client(self._site)

    def client(self, username: str) -> Client:
        """The person's hands on the REST API."""
        return Client(self._site, self._token(username))

    def _token(self, username: str) -> str:
        tokens = self._kept.setdefault("tokens", {})
        if username not in tokens or ApiToken.objects.bearing(tokens[username]) is None:
            person = Person.objects.get(username=username)
            _, tokens[username] = make_token(person=person, name="demo", scopes=SCOPES, days=DAYS)
            self._save()
        return str(tokens[username])

    def _save(self) -> None:
        fresh = self._keep.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self._kept, file)
        fresh.replace(self._keep)

    def make_people(self) -> list[str]:
        """Whoever is not there yet; returns who was made."""
        made = [person.username for person in plan.staff() if self._make(person, is_staff=True, is_superuser=True)]
        for company in plan.companies():
            made += [person.username for person in company.people if self._make(person)]
            self._gather(company)
        self._let_the_password_hold()
        return made

    def _let_the_password_hold(self) -> None:
        """If the file with the old one is gone, all get the new one."""
        people = [person for company in plan.companies() for person in company.people]
        accounts = Person.objects.filter(username__in=[person.username for person in (*people, *plan.staff())])
        if not accounts[0].check_password(self.password):
            for account in accounts:
                account.set_password(self.password)
                account.save(update_fields=["password"])

    def _make(self, somebody: plan.Somebody, **given: bool) -> bool:
        if Person.objects.filter(username=somebody.username).exists():
            return False
        Person.objects.create_user(
            somebody.username,
            email=f"{somebody.username}@patchbay.example",
            password=self.password,
            name=somebody.name,
            **given,
        )
        return True

    def _gather(self, company: plan.Company) -> None:
        """The organisation with all its people."""
        founder, *others = company.people
        owner = Person.objects.get(username=founder.username)
        organisation = Organisation.objects.filter(name=company.name).first()
        if organisation is None:
            organisation = found_organisation(founder=owner, name=company.name, about=company.about)
            Organisation.objects.filter(pk=organisation.pk).update(kind=company.kind, sector=company.sector)
        for other in others:
            if not organisation.memberships.filter(person__username=other.username).exists():
                invitation = invite(person=owner, organisation=organisation, username=other.username)
                accept_invitation(person=Person.objects.get(username=other.username), invitation=invitation)
