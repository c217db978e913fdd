"""Letters of news, as a real mail server gets them: gathered, threaded, by one's own rules, and with a way out."""

from __future__ import annotations

import email
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import policy
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail as django_mail
from django.db import connections
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from contributions.actions.commenting import comment, remove_comment
from contributions.actions.following import follow, mute
from contributions.actions.subscribing import choose_rules
from contributions.models import Event, Follow, Mailing, Notification, Person
from contributions.models.news import next_post, rules_of
from contributions.pipeline import mailing
from contributions.pipeline.mailing import gather
from contributions.pipeline.notifying import ask
from contributions.pipeline.telling import tell_waiting
from tests import factories
from tests.worker.conftest import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from tests.pages.conftest import Platform
    from tests.worker.conftest import Crew

pytestmark = pytest.mark.django_db
WHOLE = policy.default


@pytest.fixture(autouse=True)
def _told(platform: Platform) -> None:  # noqa: ARG001 - it is there before this
    """What the platform was made with is told already."""
    tell_waiting()
    Notification.objects.all().delete()


class Mailbox:
    """A mail server on a port of its own that takes everything, or turns the first ones away."""

    def __init__(self, refusals: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got: list[EmailMessage] = []
        self.refusals = refusals
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as talk:
                self._speak(talk)

    def _speak(self, talk: Any) -> None:
        def say(line: str) -> None:
            talk.write(line.encode() + b"\r\n")
            talk.flush()

        say("220 mail.example.org")
        for line in iter(talk.readline, b""):
            word = line[:4].upper()
            if word == b"DATA":
                say("354 go on")
                self._take(b"".join(iter(talk.readline, b".\r\n")))
                say("250 taken")
            elif word == b"MAIL" and self.refusals:
                self.refusals -= 1
                say("451 later, please")
            elif word == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 fine")

    def _take(self, raw: bytes) -> None:
        self.got.append(email.message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=WHOLE))  # type: ignore[arg-type]


@contextmanager
def mailbox(**given: Any) -> Iterator[Mailbox]:
    made = Mailbox(**given)
    try:
        yield made
    finally:
        made.listener.shutdown(socket.SHUT_RDWR)
        made.listener.close()
        made.thread.join(10)


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with mailbox() as made:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
        yield made


def say(platform: Platform, text: str, role: str = "member") -> Any:
    made = comment(author=platform.people[role], contribution=platform.contribution, text=text)
    tell_waiting()
    return made


def all_is_due() -> None:
    Notification.objects.exclude(due_at=None).update(due_at=Now() - timedelta(seconds=1))


def send() -> int:
    """Send what is due; return how many letters that was."""
    count = gather()
    for letter in Mailing.objects.filter(state="queued"):
        mailing.mail(letter.pk)
    return count


def author_of() -> Person:
    return Person.objects.get(username="author")


def words(letter: EmailMessage) -> str:
    return str(letter.get_content()).replace("\r\n", "\n")


def test_what_comes_in_a_row_is_one_letter_after_some_minutes(platform: Platform, box: Mailbox) -> None:
    say(platform, "The first word.")
    assert send() == 0, "it waits for more"
    say(platform, "The second word.")
    Notification.objects.filter(pk=Notification.objects.order_by("pk")[0].pk).update(due_at=Now())
    assert send() == 1
    [letter] = box.got
    assert letter["To"] == "author@example.org"
    text = words(letter)
    assert "> The first word." in text
    assert "> The second word." in text
    assert "because it is yours" in text
    assert send() == 0


def test_the_headers_thread_a_contribution_and_tell_machines_from_people(platform: Platform, box: Mailbox) -> None:
    for text in ("One.", "Two."):
        say(platform, text)
        all_is_due()
        send()
    first, second = box.got
    number = platform.contribution.pk
    assert first["List-Id"] == f"swiftclient #{number} <{number}.swiftclient.127.0.0.1>"
    assert first["References"] == first["In-Reply-To"] == second["References"] == f"<contribution-{number}@127.0.0.1>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Subject"] == second["Subject"] == f"[Patchbay] #{number} of swiftclient: Wait longer between retries"
    assert (first["Auto-Submitted"], first["Precedence"]) == ("auto-generated", "list")
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def path_in(header: str) -> str:
    return "/" + header.strip("<>").split("/", 3)[3]


def test_one_press_ends_that_kind_of_mail_and_no_other(platform: Platform, box: Mailbox) -> None:
    say(platform, "One.")
    all_is_due()
    send()
    path, strict = path_in(str(box.got[0]["List-Unsubscribe"])), Client(enforce_csrf_checks=True)
    assert strict.get(path).status_code == 200
    assert rules_of(author_of())["yours"] == "now", "looking ends nothing"
    assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert rules_of(author_of()) | {"yours": "never"} == rules_of(author_of())
    assert rules_of(author_of())["direct"] == "now"
    assert strict.post(path[:-4] + "aaa/").status_code == 404
    say(platform, "Two.")
    all_is_due()
    assert send() == 0
    assert Notification.objects.unread().count() == 2, "on the site it is told all the same"


def test_the_other_link_mutes_the_contribution(platform: Platform, box: Mailbox) -> None:
    say(platform, "One.")
    all_is_due()
    send()
    text = words(box.got[0])
    link = text.split("at once:\n", 1)[1].split("\n", 1)[0]
    assert Client().post(path_in(link)).status_code == 200
    assert Follow.objects.get(person=author_of()).is_muted
    say(platform, "Two.")
    assert Notification.objects.count() == 1


def test_what_was_read_muted_removed_or_hidden_meanwhile_is_not_sent(platform: Platform, box: Mailbox) -> None:
    author = author_of()
    said = say(platform, "A slip of the tongue.")
    all_is_due()
    gather()
    remove_comment(person=platform.people["member"], comment=said)
    send()
    assert "slip" not in words(box.got[0]), "the words are gone, only that there were some is told"
    say(platform, "Read.")
    platform.client("author").post("/notifications/read-all/")
    all_is_due()
    assert send() == 0
    say(platform, "Muted.")
    all_is_due()
    gather()
    mute(person=author, contribution=platform.contribution)
    send()
    assert len(box.got) == 1
    assert Mailing.objects.order_by("-pk")[0].sentence.startswith("Nothing was left to tell")


@pytest.mark.attack("W16")
def test_what_is_in_quarantine_by_now_is_not_sent(platform: Platform, box: Mailbox) -> None:
    follow(person=platform.people["maintainer"], thing=platform.contribution)  # the control: who may know of it
    follow(person=platform.people["member"], thing=platform.contribution)
    for role in ("maintainer", "member"):
        choose_rules(person=platform.people[role], rules={"following": "now"})  # type: ignore[arg-type]
    say(platform, "A secret.", "staff")
    type(platform.contribution).objects.update(quarantined_at=timezone.now())
    all_is_due()
    send()
    assert {letter["To"] for letter in box.got} == {"author@example.org", "maintainer@example.org"}


def test_a_day_is_one_letter_by_contribution(platform: Platform, box: Mailbox) -> None:
    other = factories.make_contribution(component=platform.component, title="Count the bytes")
    reader = factories.make_person("reader")
    for thing in (platform.contribution, other):
        follow(person=reader, thing=thing)
        for text in ("Hm.", "Ah."):
            comment(author=platform.people["member"], contribution=thing, text=text)
    tell_waiting()
    Notification.objects.exclude(person=reader).delete()
    assert send() == 0, "its hour has not come"
    all_is_due()
    assert send() == 1
    [letter] = box.got
    assert letter["Subject"] == "[Patchbay] Today: 2 things that you follow"
    text = words(letter)
    assert text.count("commented") == 4
    assert text.count("Count the bytes") == 1
    assert letter["List-Id"] == "News <news.127.0.0.1>"


def test_a_rule_holds_for_what_waits_already(platform: Platform, box: Mailbox) -> None:
    say(platform, "One.")
    choose_rules(person=author_of(), rules={"yours": "never"})
    all_is_due()
    assert send() == 0
    assert box.got == []


@pytest.mark.parametrize(
    ("rhythm", "now", "due"),
    [
        ("daily", (2026, 11, 23, 5, 59), (2026, 11, 23, 6)),
        ("daily", (2026, 11, 23, 6, 0), (2026, 11, 24, 6)),
        ("weekly", (2026, 11, 23, 5, 0), (2026, 11, 23, 6)),  # a Monday
        ("weekly", (2026, 11, 23, 7, 0), (2026, 11, 30, 6)),
        ("weekly", (2026, 11, 25, 7, 0), (2026, 11, 30, 6)),
        ("weekly", (2026, 11, 29, 23, 0), (2026, 11, 30, 6)),
    ],
)
def test_letters_go_at_their_hour(rhythm: str, now: tuple[int, ...], due: tuple[int, ...]) -> None:
    assert next_post(rhythm, datetime(*now, tzinfo=UTC)) == datetime(*due, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_a_mail_server_that_says_later_loses_no_letter(platform: Platform, box: Mailbox) -> None:
    box.refusals = 1
    say(platform, "One.")
    all_is_due()
    send()
    assert (box.got, Mailing.objects.get().tries) == ([], 1)
    Mailing.objects.update(due_at=Now() - timedelta(seconds=1))
    send()
    assert len(box.got) == 1


def test_no_word_of_a_stranger_becomes_a_header(platform: Platform, box: Mailbox) -> None:
    type(platform.contribution).objects.update(title="Free\r\nBcc: all@example.org")
    say(platform, ".\r\n.\r\nQUIT")
    all_is_due()
    send()
    [letter] = box.got
    assert letter["Bcc"] is None
    assert "> QUIT" in words(letter)


def test_a_question_goes_to_the_reporter_unless_they_want_none(platform: Platform, box: Mailbox) -> None:
    report = factories.make_report(platform.contribution, platform.release)
    mailing.mail(ask(report).pk)
    [letter] = box.got
    assert letter["To"] == report.author.email
    assert Client().post(path_in(str(letter["List-Unsubscribe"]))).status_code == 200
    report.author.refresh_from_db()
    mailing.mail(ask(report).pk)
    assert len(box.got) == 1


def test_ten_thousand_letters_are_gathered_by_a_handful_of_statements(
    platform: Platform, django_assert_max_num_queries: Any
) -> None:
    event = Event.objects.newest_first().filter(contribution=platform.contribution)[0]
    people = Person.objects.bulk_create(Person(username=f"f{n}", email="f@example.org") for n in range(1000))
    due = {"contribution": platform.contribution, "why": "following", "rhythm": "now", "due_at": timezone.now()}
    Notification.objects.bulk_create(Notification(person=row, event=event, **due) for row in people)
    with django_assert_max_num_queries(10):
        assert gather() == 1000
    assert Notification.objects.filter(mailing=None).count() == 0


def test_what_was_read_long_ago_is_forgotten(platform: Platform) -> None:
    for text in ("Old and read.", "Old.", "New and read."):
        say(platform, text)
    old_and_read, old, new_and_read = Notification.objects.order_by("pk")
    Notification.objects.filter(pk=old_and_read.pk).update(read_at=Now() - timedelta(days=91))
    Notification.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=100))
    Notification.objects.filter(pk=new_and_read.pk).update(read_at=Now())
    assert mailing.forget_read() == 1
    assert set(Notification.objects.all()) == {old, new_and_read}


@pytest.mark.django_db(transaction=True)
def test_two_who_gather_at_once_make_one_letter(platform: Platform) -> None:
    say(platform, "One.")
    all_is_due()
    made: list[int] = []

    def go() -> None:
        made.append(gather())
        connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, 1]


@pytest.mark.django_db(transaction=True)
def test_real_workers_tell_and_write_though_one_is_killed(platform: Platform, crew: Crew) -> None:
    with mailbox() as box:
        crew.environment |= {
            "PATCHBAY_EMAIL_URL": f"smtp://127.0.0.1:{box.port}",
            "PATCHBAY_MAIL_WAIT_SECONDS": "0",
            "PATCHBAY_TELL_SECONDS": "1",
        }
        first = crew.start("worker", "--queues", "deliver,receive", "--concurrency", "1", "--without-mingle")
        crew.start_beat()
        comment(author=platform.people["member"], contribution=platform.contribution, text="One.")  # type: ignore[arg-type]
        crew.kill(first)
        crew.start("worker", "--queues", "deliver,receive", "--concurrency", "1", "--without-mingle")
        wait_for(lambda: box.got, "the letter")
        assert "> One." in words(box.got[0])
        assert Notification.objects.filter(person=author_of()).count() == 1
    assert django_mail.outbox == []
