"""Letters about recalls: to those who want them, once, with a way out, and not lost when the mail server is away."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from email import message_from_string
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db.models.functions import Now
from django.test import Client

from contributions.actions.quarantining import quarantine
from contributions.actions.withdrawing import withdraw, withdraw_publication
from contributions.models import Letter, Membership, Person
from contributions.pipeline.delivering import mail as send, unsubscribe_address
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db
WHY = "It loses data."


class Away(EmailBackend):
    """A mail server that is not there."""

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError(111, str(messages))


class Choosy(EmailBackend):
    """A mail server that knows none of the addresses."""

    def send_messages(self, messages: Any) -> int:
        del messages
        raise smtplib.SMTPRecipientsRefused({})


def recall(platform: Platform, reason: str = WHY) -> list[Letter]:
    staff: Any = platform.people["staff"]
    factories.make_download(platform.organisation, platform.artifact.blob)
    withdraw_publication(person=staff, publication=platform.publication, reason=reason)
    return list(Letter.objects.order_by("pk"))


def owner_of(platform: Platform) -> Person:
    return platform.organisation.memberships.get(role=Membership.Role.OWNER).person


def test_the_owners_of_whoever_fetched_it_are_told_what_it_was_and_why(platform: Platform) -> None:
    [letter] = recall(platform)
    send(letter.pk)
    send(letter.pk)
    [sent] = mail.outbox
    assert sent.to == ["owner@example.org"]
    assert sent.subject.startswith("[Patchbay] Withdrawn: #")
    for told in (WHY, platform.artifact.sha256, platform.artifact.name, f"/publications/{platform.publication.pk}/"):
        assert told in sent.body
    letter.refresh_from_db()
    assert (letter.state, letter.tries) == ("sent", 1)


@pytest.mark.parametrize(("wanted", "told"), [("owned", {"owner"}), ("all", {"owner", "author"}), ("none", {"owner"})])
def test_a_member_hears_of_it_who_asked_to(platform: Platform, wanted: str, told: set[str]) -> None:
    Person.objects.filter(username="author").update(recall_mail=wanted)
    assert {letter.person.username for letter in recall(platform)} == told


@pytest.mark.parametrize(
    "given", [{"recall_mail": "none"}, {"is_active": False}, {"email": ""}], ids=["none", "inactive", "no address"]
)
def test_nobody_is_written_to_who_cannot_or_will_not_be(platform: Platform, given: dict[str, Any]) -> None:
    Person.objects.filter(username="owner").update(**given)
    assert recall(platform) == []


def test_who_belongs_to_two_organisations_gets_one_letter(platform: Platform) -> None:
    second = factories.make_organisation("Second", owner=owner_of(platform))
    factories.make_download(second, platform.artifact.blob)
    assert len(recall(platform)) == 1


def test_each_letter_can_be_the_last_one_with_one_press_and_not_by_looking(platform: Platform) -> None:
    [letter] = recall(platform)
    send(letter.pk)
    raw = message_from_string(mail.outbox[0].message().as_string())
    address = str(raw["List-Unsubscribe"]).strip("<>")
    assert raw["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = "/" + address.split("/", 3)[3]
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(path).status_code == 200
    owner = owner_of(platform)
    assert owner.recall_mail == "owned"
    assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    owner.refresh_from_db()
    assert owner.recall_mail == "none"
    assert strict.post(path[:-4] + "aaa/").status_code == 404


def test_a_letter_on_its_way_stays_when_they_asked_for_no_more(platform: Platform) -> None:
    [letter] = recall(platform)
    Person.objects.filter(pk=letter.person_id).update(recall_mail="none")
    send(letter.pk)
    letter.refresh_from_db()
    assert (mail.outbox, letter.state) == ([], "failed")


def test_the_link_of_one_is_not_the_link_of_another(platform: Platform) -> None:
    owner, author = owner_of(platform), platform.contribution.author
    assert unsubscribe_address(owner) != unsubscribe_address(author)


@pytest.mark.parametrize("backend", ["Away", "Choosy"])
def test_a_mail_server_that_is_away_loses_no_letter(platform: Platform, settings: Any, backend: str) -> None:
    [letter] = recall(platform)
    kept, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"tests.recall.test_letters.{backend}"
    send(letter.pk)
    letter.refresh_from_db()
    assert (letter.state, letter.tries, letter.attempts) == ("queued", 1, 0)
    assert letter.sentence.startswith("The mail server")
    settings.EMAIL_BACKEND = kept
    send(letter.pk)
    assert mail.outbox == [], "its pause is not over"
    Letter.objects.update(due_at=Now() - timedelta(seconds=1))
    send(letter.pk)
    assert len(mail.outbox) == 1


def test_the_same_letter_has_the_same_number_however_often_it_is_sent(
    platform: Platform, settings: Any, tmp_path: Path
) -> None:
    """As real files, which is what a mail server would get."""
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(tmp_path)
    [letter] = recall(platform)
    send(letter.pk)
    Letter.objects.update(state="running", lease_until=Now() - timedelta(seconds=1))  # as if its worker had died
    send(letter.pk)
    texts = [path.read_text() for path in tmp_path.iterdir()]
    numbers = [line for text in texts for line in text.splitlines() if line.startswith("Message-ID")]
    assert len(numbers) == 2
    assert set(numbers) == {f"Message-ID: <letter-{letter.pk}@127.0.0.1>"}


def test_no_title_and_no_reason_writes_a_header(platform: Platform) -> None:
    platform.contribution.title = "Fix\r\nBcc: everyone@example.org"
    platform.contribution.save(update_fields=["title"])
    [letter] = recall(platform, reason="Bad.\r\nBcc: all@example.org")
    send(letter.pk)
    raw = message_from_string(mail.outbox[0].message().as_string())
    assert raw["Bcc"] is None
    assert "\n" not in mail.outbox[0].subject


def test_of_what_is_in_quarantine_the_title_is_not_told(platform: Platform) -> None:
    staff: Any = platform.people["staff"]
    factories.make_download(platform.organisation, platform.artifact.blob)
    quarantine(person=staff, contribution=platform.contribution, reason=WHY)
    send(Letter.objects.get().pk)
    assert platform.contribution.title not in mail.outbox[0].body
    assert platform.artifact.sha256 in mail.outbox[0].body


def test_withdrawing_a_contribution_is_one_letter_however_many_builds_it_has(platform: Platform) -> None:
    author: Any = platform.people["author"]
    factories.make_download(platform.organisation, platform.artifact.blob)
    for name in ("4.8.0", "4.9.0"):
        release = factories.make_release(platform.component, name)
        factories.make_publication(factories.make_build(platform.contribution.current, release))
    withdraw(person=author, contribution=platform.contribution, reason=WHY)
    send(Letter.objects.get().pk)
    assert len(mail.outbox) == 1


def test_everybody_chooses_on_a_page(platform: Platform) -> None:
    owner = owner_of(platform)
    browser = signed_in(owner)
    assert b"When it touches an organisation that I own" in browser.get("/account/notices/").content
    assert browser.post("/account/notices/", {"recall_mail": "all"}).status_code == 302
    owner.refresh_from_db()
    assert owner.recall_mail == "all"
    assert browser.post("/account/notices/", {"recall_mail": "odd"}).status_code == 400
