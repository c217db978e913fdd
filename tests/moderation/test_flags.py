"""Flags and what staff do about them, through the pages."""

from __future__ import annotations

import threading

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contributions.actions import flagging, moderating
from contributions.errors import Clash, NotAllowed, TooMany
from contributions.models import ApiToken, Comment, Contribution, Event, Flag, Person
from tests import factories

pytestmark = pytest.mark.django_db


def browser(person: Person | None = None) -> Client:
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


@pytest.fixture
def staff() -> Person:
    return factories.make_person("moderator", is_staff=True)


@pytest.fixture
def reporter() -> Person:
    return factories.make_person("witness")


def test_a_flag_on_each_kind_of_thing_reaches_the_queue_and_nobody_else(reporter: Person, staff: Person) -> None:
    comment = factories.make_comment()
    contribution = factories.make_contribution(title="Free money")
    spammer = factories.make_person("spammer")
    for address in (f"contributions/{contribution.pk}", f"comments/{comment.pk}", f"people/{spammer.username}"):
        answer = browser(reporter).post(f"/{address}/flag/", {"reason": "spam", "text": "Look at it."})
        assert answer["Location"] == "/flags/"
    queue = browser(staff).get("/moderation/").content.decode()
    assert "Free money" in queue
    assert f"/discussion/?comment={comment.pk}#comment-{comment.pk}" in queue
    assert "/people/spammer/" in queue
    for reader in (browser(), browser(contribution.author)):
        page = reader.get(f"/contributions/{contribution.pk}/evidence/").content.decode()
        assert "witness" not in page
        assert "flagged" not in page
    assert browser(contribution.author).get("/moderation/").status_code == 403


def test_one_person_flags_a_thing_once_until_it_is_decided(reporter: Person, staff: Person) -> None:
    contribution = factories.make_contribution()
    first = flagging.flag(reporter=reporter, thing=contribution, reason="spam")
    answer = browser(reporter).post(f"/contributions/{contribution.pk}/flag/", {"reason": "abuse"})
    assert answer.status_code == 409
    assert "You flagged it already" in answer.content.decode()
    moderating.handle(moderator=staff, flag=first, act="dismiss", reason="It is fine.")
    assert flagging.flag(reporter=reporter, thing=contribution, reason="malware").state == "open"


def test_nobody_flags_their_own_nor_for_an_unknown_reason_nor_without_end(reporter: Person) -> None:
    mine = factories.make_contribution(author=reporter)
    with pytest.raises(NotAllowed):
        flagging.flag(reporter=reporter, thing=mine, reason="spam")
    other = factories.make_contribution()
    assert browser(reporter).post(f"/contributions/{other.pk}/flag/", {"reason": "dull"}).status_code == 400
    assert browser(reporter).post(f"/contributions/{other.pk}/flag/", {"reason": "other"}).status_code == 400
    for _ in range(10):
        flagging.flag(reporter=reporter, thing=factories.make_contribution(), reason="spam")
    with pytest.raises(TooMany):
        flagging.flag(reporter=reporter, thing=other, reason="spam")
    assert not other.flags.exists()


def test_the_queue_shows_the_worst_first_and_a_thing_once(staff: Person) -> None:
    spam = factories.make_flag(factories.make_contribution(title="Spam"), reason="spam")
    factories.make_flag(spam.contribution, reason="other")
    factories.make_flag(factories.make_contribution(title="Malware"), reason="malware")
    factories.make_flag(factories.make_contribution(title="Later spam"), reason="spam")
    queue = browser(staff).get("/moderation/").content.decode()
    places = [queue.index(title) for title in ("Malware", "Spam</a>", "Later spam</a>")]
    assert places == sorted(places)
    assert queue.count(f"/contributions/{spam.contribution_id}/") == 1
    assert "2 flags" in queue


def test_a_decision_ends_all_flags_on_the_thing_and_tells_their_reporters(reporter: Person, staff: Person) -> None:
    comment = factories.make_comment(text="Buy now")
    mine = factories.make_flag(comment, reporter=reporter)
    factories.make_flag(comment)
    form = {"act": "remove", "reason": "Advertisement."}
    assert browser(staff).post(f"/moderation/{mine.pk}/", form)["Location"] == "/moderation/"
    assert set(Flag.objects.values_list("state", flat=True)) == {"upheld"}
    comment.refresh_from_db()
    assert comment.removed_at is not None
    assert comment.text == ""
    told = browser(reporter).get("/flags/").content.decode()
    assert "Advertisement." in told
    assert 'data-state="upheld"' in told
    log = browser().get("/moderation/log/").content.decode()
    assert "Advertisement." in log
    assert "moderator" in log
    assert "witness" not in log


@pytest.mark.attack("T12")
def test_malware_is_in_quarantine_as_soon_as_staff_decide(reporter: Person, staff: Person) -> None:
    publication = factories.make_publication()
    contribution = publication.revision.contribution
    found = flagging.flag(reporter=reporter, thing=contribution, reason="malware", text="It mails /etc/passwd.")
    assert browser().get(f"/contributions/{contribution.pk}/").status_code == 200
    browser(staff).post(f"/moderation/{found.pk}/", {"act": "quarantine", "reason": "It steals passwords."})
    contribution.refresh_from_db()
    assert contribution.quarantined_at is not None
    assert browser().get(f"/contributions/{contribution.pk}/").status_code == 404
    log = browser().get("/moderation/log/").content.decode()
    assert f"#{contribution.pk}" in log
    assert contribution.title not in log
    assert "It steals passwords." in log


def test_a_dismissed_flag_hides_nothing_and_is_not_in_the_log(reporter: Person, staff: Person) -> None:
    contribution = factories.make_contribution()
    found = flagging.flag(reporter=reporter, thing=contribution, reason="rights")
    browser(staff).post(f"/moderation/{found.pk}/", {"act": "dismiss", "reason": "It is theirs."})
    found.refresh_from_db()
    assert (found.state, found.handled_by, found.answer) == ("dismissed", staff, "It is theirs.")
    assert "It is theirs." not in browser().get("/moderation/log/").content.decode()


def test_what_is_decided_is_not_decided_again(staff: Person) -> None:
    found = factories.make_flag()
    moderating.handle(moderator=staff, flag=found, act="dismiss", reason="No.")
    with pytest.raises(Clash):
        moderating.handle(moderator=staff, flag=found, act="suspend", reason="Yes.")
    assert found.accused.is_active
    assert Event.objects.filter(verb="handled").count() == 1


def test_an_act_that_does_not_fit_the_thing_is_refused_with_what_was_typed(staff: Person) -> None:
    found = factories.make_flag(factories.make_person())
    answer = browser(staff).post(f"/moderation/{found.pk}/", {"act": "quarantine", "reason": "A long reason."})
    assert answer.status_code == 400
    assert "A long reason." in answer.content.decode()
    assert browser(staff).post(f"/moderation/{found.pk}/", {"act": "dismiss", "reason": " "}).status_code == 400
    found.refresh_from_db()
    assert found.state == "open"


def test_a_refused_act_decides_nothing(staff: Person) -> None:
    colleague = factories.make_person(is_staff=True)
    found = factories.make_flag(colleague)
    answer = browser(staff).post(f"/moderation/{found.pk}/", {"act": "suspend", "reason": "Rude."})
    assert answer.status_code == 403
    found.refresh_from_db()
    assert found.state == "open"
    assert Person.objects.get(pk=colleague.pk).is_active


def test_what_its_author_removed_meanwhile_is_upheld_all_the_same(staff: Person) -> None:
    comment = factories.make_comment()
    found = factories.make_flag(comment)
    browser(comment.author).post(f"/comments/{comment.pk}/remove/")
    moderating.handle(moderator=staff, flag=found, act="remove", reason="Spam.")
    assert Flag.objects.get().state == "upheld"
    assert Event.objects.of_moderation().count() == 0


def test_a_suspended_account_is_shut_everywhere_at_once(staff: Person) -> None:
    person = factories.make_person("rude")
    contribution = factories.make_contribution(author=person)
    secret = ApiToken.make_secret()
    ApiToken.objects.create(
        person=person, name="x", prefix=secret[:8], digest=ApiToken.digest_of(secret), scopes=["read"]
    )
    client, header = Client(), {"Authorization": f"Token {secret}"}
    client.post("/account/login/", {"login": "rude", "password": factories.PASSWORD})
    assert client.get("/flags/").status_code == 200
    assert Client().get("/api/v1/me/", headers=header).status_code == 200
    browser(staff).post("/people/rude/suspend/", {"reason": "Threats."})
    assert client.get("/flags/").status_code == 302
    assert Client().get("/api/v1/me/", headers=header).status_code == 401
    assert Client().get("/people/rude/").status_code == 404
    assert Client().get(f"/contributions/{contribution.pk}/").status_code == 200
    entering = Client().post("/account/login/", {"login": "rude", "password": factories.PASSWORD})
    assert entering["Location"] == "/account/inactive/"
    answer = browser(staff).post("/people/rude/reinstate/", {"reason": "They said sorry."})
    assert answer["Location"] == "/people/rude/"
    assert Client().get("/api/v1/me/", headers=header).status_code == 200
    assert client.get("/flags/").status_code == 302, "the session ended for good"
    assert "They said sorry." in Client().get("/moderation/log/").content.decode()
    assert not any("rude" in str(session.get_decoded()) for session in Session.objects.all())


def test_nobody_suspends_themself_nor_staff_other_staff(staff: Person) -> None:
    colleague = factories.make_person(is_staff=True)
    chief = factories.make_person(is_staff=True, is_superuser=True)
    for person, account in ((staff, staff), (staff, colleague), (factories.make_person(), staff)):
        with pytest.raises(NotAllowed):
            moderating.suspend(person=person, account=account, reason="x")
    assert not moderating.suspend(person=chief, account=colleague, reason="x").is_active


def test_staff_remove_anybodys_comment_with_a_reason_and_authors_without(staff: Person) -> None:
    comment = factories.make_comment()
    assert browser(staff).post(f"/comments/{comment.pk}/remove/").status_code == 400
    assert browser(staff).post(f"/comments/{comment.pk}/remove/", {"reason": "Off topic."}).status_code == 302
    own = factories.make_comment()
    assert browser(own.author).post(f"/comments/{own.pk}/remove/").status_code == 302
    assert Comment.objects.standing().count() == 0
    assert [event.text for event in Event.objects.of_moderation()] == ["Off topic."]


def test_ten_flags_cost_the_queue_no_more_than_one(staff: Person) -> None:
    def queries() -> int:
        client = browser(staff)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/moderation/").status_code == 200
        return len(captured)

    def more() -> None:
        factories.make_flag(factories.make_comment())
        factories.make_flag(factories.make_contribution())
        factories.make_flag(factories.make_person())

    more()
    few = queries()
    for _ in range(9):
        more()
    assert queries() == few


@pytest.mark.django_db(transaction=True)
def test_of_two_staff_who_decide_at_once_one_does() -> None:
    found = factories.make_flag(factories.make_comment())
    staff = [factories.make_person(is_staff=True) for _ in range(2)]
    start, outcomes = threading.Barrier(2), []

    def decide(person: Person, act: str) -> None:
        start.wait()
        try:
            moderating.handle(moderator=person, flag=Flag.objects.get(pk=found.pk), act=act, reason="x")
            outcomes.append(act)
        except Clash:
            outcomes.append("clash")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=pair) for pair in zip(staff, ("remove", "dismiss"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(outcomes) == "clash"
    done = next(outcome for outcome in outcomes if outcome != "clash")
    assert Flag.objects.get().state == ("upheld" if done == "remove" else "dismissed")
    assert (Comment.objects.standing().count() == 0) is (done == "remove")
    assert Contribution.objects.count() == 1
