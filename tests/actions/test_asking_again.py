"""Asked again after 30 and 90 days: one letter, one press, and no more than that."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail, signing
from django.test import Client
from django.utils import timezone

from contributions.actions.reporting import report, take_back
from contributions.actions.subscribing import choose_rules
from contributions.errors import NotAllowed
from contributions.models import Event, FieldReport, Mailing
from contributions.pipeline import mailing
from contributions.pipeline.asking import ANSWER_SALT, answer_address, ask_again
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Contribution

pytestmark = pytest.mark.django_db


def make_due(contribution: Contribution | None = None, days: int = 31, **given: Any) -> FieldReport:
    """A report made so many days ago by the action, as time then went by."""
    contribution = contribution or factories.make_contribution()
    release = given.pop("release", None) or factories.make_release(contribution.component)
    author = factories.make_person(organisation=factories.make_organisation("Zebra Lines"))
    given = {"outcome": "works", "stage": "production"} | given
    made = report(author=author, contribution=contribution, release=release, **given)
    return gone_by(made, days)


def gone_by(made: FieldReport, days: int) -> FieldReport:
    """As if that many more days were over."""
    back = timedelta(days=days)
    asks_at = made.asks_at - back if made.asks_at else None
    FieldReport.objects.filter(pk=made.pk).update(reported_at=made.reported_at - back, asks_at=asks_at)
    made.refresh_from_db()
    return made


def posted() -> list[str]:
    for row in Mailing.objects.filter(state="queued"):
        mailing.mail(row.pk)
    return [str(letter.body) for letter in mail.outbox]


def path_of(made: FieldReport) -> str:
    return "/" + answer_address(made).split("/", 3)[3]


def test_it_asks_after_thirty_and_ninety_days_and_then_no_more() -> None:
    made = make_due(days=29)
    assert ask_again() == 0
    made = gone_by(made, 1)
    assert ask_again() == 1
    assert ask_again() == 0, "a second sweep finds nothing"
    made.refresh_from_db()
    assert made.asks_at
    assert abs(made.asks_at - (made.reported_at + timedelta(days=90))) < timedelta(minutes=1)
    made = gone_by(made, 60)
    assert ask_again() == 1
    made.refresh_from_db()
    assert (made.asked, made.asks_at) == (2, None)
    gone_by(made, 400)
    assert ask_again() == 0
    assert len(posted()) == 2


def test_the_link_of_the_letter_answers_without_signing_in() -> None:
    made = make_due()
    ask_again()
    (text,) = posted()
    link = re.search(r"https?://[^/]+(/still/\S+)", text)
    assert link
    client = Client()
    for method in (client.get, client.head):
        assert method(link[1]).status_code == 200
    assert FieldReport.objects.get().reported_at == made.reported_at, "looking changes nothing"
    page = client.get(link[1]).content.decode()
    assert "Zebra" not in page
    assert made.author.username not in page
    answer = client.post(link[1], {"answer": "partly"})
    assert "It works partly." in answer.content.decode()
    again = FieldReport.objects.get()
    assert (again.outcome, again.stage, again.pk) == ("partly", "production", made.pk)
    assert timezone.now() - again.reported_at < timedelta(minutes=1)
    assert again.asks_at
    assert again.asks_at - again.reported_at == timedelta(days=90)
    assert Event.objects.filter(verb="reported", actor=made.author).latest("pk").text == "still partly in production"


def test_an_answer_keeps_the_score_from_fading() -> None:
    made = make_due(days=180)
    contribution = factories.recompute(made.contribution)
    faded = contribution.score
    Client().post(path_of(made), {"answer": "works"})
    contribution.refresh_from_db()
    assert contribution.score > faded


def test_what_runs_no_longer_speaks_no_longer() -> None:
    made = make_due()
    assert made.contribution.running_count == 1
    Client().post(path_of(made), {"answer": "gone"})
    assert not FieldReport.objects.exists()
    made.contribution.refresh_from_db()
    assert made.contribution.running_count == 0
    assert Client().post(path_of(made), {"answer": "works"}).status_code == 404, "and the link is spent"


def test_an_unnamed_report_is_said_again_unnamed() -> None:
    made = make_due(is_named=False)
    Client().post(path_of(made), {"answer": "works"})
    assert Event.objects.filter(verb="reported").latest("pk").actor is None
    assert Event.objects.filter(verb="unnamed").latest("pk").actor == made.author


@pytest.mark.attack("W16")
def test_a_link_opens_its_own_report_and_only_for_a_while(settings: Any) -> None:
    made = make_due()
    other = make_due_by_other()
    good = path_of(made)
    assert Client().get(good).status_code == 200, "the control"
    assert Client().get(good[:-2] + "/").status_code == 404
    forged = signing.dumps([other.pk, made.author_id], salt=ANSWER_SALT)
    assert Client().get(f"/still/{forged}/").status_code == 404, "of somebody else's report"
    elsewhere = signing.dumps([made.pk, made.author_id], salt="another")
    assert Client().get(f"/still/{elsewhere}/").status_code == 404
    settings.SECRET_KEY = "another site's"
    assert Client().get(good).status_code == 404


def make_due_by_other() -> FieldReport:
    contribution = factories.make_contribution()
    return factories.make_report(contribution, factories.make_release(contribution.component))


def test_an_old_link_says_that_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_due()
    url = path_of(made)
    later = timezone.now().timestamp() + 61 * 24 * 3600
    monkeypatch.setattr(signing.time, "time", lambda: later)  # type: ignore[attr-defined]  # the module's own clock
    answer = Client().get(url)
    assert answer.status_code == 404
    assert b"has expired" in answer.content


def test_nonsense_is_no_answer() -> None:
    made = make_due()
    assert Client().post(path_of(made), {"answer": "maybe"}).status_code == 400
    assert Client().post(path_of(made)).status_code == 400
    made.refresh_from_db()
    assert made.outcome == "works"


def test_nobody_is_asked_in_vain() -> None:
    broken = make_due(outcome="broken")
    withdrawn, hidden = factories.make_contribution(), factories.make_contribution()
    for contribution in (withdrawn, hidden):
        release = factories.make_release(contribution.component)
        made = factories.make_report(contribution, release, asks_at=timezone.now())
    withdrawn.move("withdrawn")
    type(hidden).objects.filter(pk=hidden.pk).update(quarantined_at=timezone.now())
    left = factories.make_report(factories.make_contribution(), asks_at=timezone.now())
    left.author.memberships.all().delete()
    assert ask_again() == 0
    assert not FieldReport.objects.exclude(asks_at=None).exists(), "and the sweep comes back to none"
    assert Client().get(path_of(made)).status_code == 404
    assert broken.pk


def test_who_wants_no_questions_gets_none_and_the_letter_says_how() -> None:
    made = make_due()
    ask_again()
    rules = {"questions": "never"}
    choose_rules(person=made.author, rules=rules)
    assert posted() == []
    choose_rules(person=made.author, rules={"questions": "now"})
    gone_by(made, 0)
    FieldReport.objects.filter(pk=made.pk).update(asks_at=timezone.now())
    ask_again()
    posted()
    (letter,) = mail.outbox
    assert "List-Unsubscribe" in letter.extra_headers


def test_only_its_own_organisation_takes_a_report_back() -> None:
    made = make_due()
    with pytest.raises(NotAllowed):
        take_back(author=factories.make_person(organisation=factories.make_organisation()), report=made)
    colleague = factories.make_person(organisation=made.organisation)
    take_back(author=colleague, report=made)
    assert not FieldReport.objects.exists()
