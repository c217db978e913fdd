"""Webhooks: signed byte for byte, tried again with growing pauses, given up, disabled, and sent again by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from contributions.actions.hooking import (
    MOST_WEBHOOKS,
    add_webhook,
    disable_webhook,
    enable_webhook,
    remove_webhook,
    replay,
    rotate_secret,
    send_trial,
)
from contributions.actions.quarantining import quarantine, restore
from contributions.actions.withdrawing import withdraw_publication
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Delivery, Event, Letter, Membership, Webhook
from contributions.models.notices import PAUSES
from contributions.pipeline.delivering import deliver, forget_old, mail as post_letter
from contributions.pipeline.publishing import publish
from contributions.tasks import deliver_news, sweep
from tests import factories
from tests.recall.servers import Receiver, lying, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import Organisation, Person
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db
WHY = "It loses data."


@pytest.fixture(autouse=True)
def _inside(settings: Any) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def owner_of(organisation: Organisation) -> Person:
    return organisation.memberships.get(role=Membership.Role.OWNER).person


def hook(platform: Platform, receiver: Receiver, *topics: str) -> Webhook:
    """A webhook of the platform's organisation, which has fetched the published file."""
    factories.make_download(platform.organisation, platform.artifact.blob)
    made, _ = add_webhook(
        person=owner_of(platform.organisation),
        organisation=platform.organisation,
        url=receiver.url,
        topics=topics or ["recalls"],
    )
    return made


def recalled(platform: Platform) -> Delivery:
    """The delivery that withdrawing the publication queues."""
    staff: Any = platform.people["staff"]
    withdraw_publication(person=staff, publication=platform.publication, reason=WHY)
    return Delivery.objects.get()


def later(delivery: Delivery) -> None:
    """Let its pause be over."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=Now() - timedelta(seconds=1))


def test_a_recall_is_posted_with_a_signature_that_the_secret_verifies(platform: Platform, receiver: Receiver) -> None:
    webhook = hook(platform, receiver)
    delivery = recalled(platform)
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.tries, delivery.answer) == ("sent", 204, 1, "")
    [got] = receiver.got
    assert got.body.decode() == delivery.body
    moment, mac = (part.split("=")[1] for part in got.headers["Patchbay-Signature"].split(","))
    wanted = hmac.new(webhook.secret.encode(), moment.encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert mac == wanted
    assert (got.headers["Patchbay-Event"], got.headers["Patchbay-Delivery"]) == ("withdrawn", str(delivery.pk))
    news = json.loads(got.body)
    assert (news["event"], news["reason"], news["component"]) == ("withdrawn", WHY, "swiftclient")
    [publication] = news["publications"]
    assert [file["sha256"] for file in publication["artifacts"]] == [platform.artifact.sha256]
    assert news["page"] == f"{django_settings.SITE_URL}/publications/{platform.publication.pk}/"


def test_only_those_hear_of_a_recall_whom_it_concerns(platform: Platform, receiver: Receiver) -> None:
    reporter, stranger = factories.make_organisation("Reporter"), factories.make_organisation("Stranger")
    factories.make_report(platform.contribution, platform.release, organisation=reporter)
    for organisation in (reporter, stranger):
        factories.make_webhook(organisation, topics=["recalls"])
    hook(platform, receiver)
    staff: Any = platform.people["staff"]
    withdraw_publication(person=staff, publication=platform.publication, reason=WHY)
    told = {delivery.webhook.organisation.name for delivery in Delivery.objects.all()}
    assert told == {"Northern Hosting", "Reporter"}


def test_whoever_listens_to_the_feed_hears_of_all_of_it(platform: Platform, receiver: Receiver) -> None:
    hook(platform, receiver, "feed")
    Contribution.objects.filter(pk=platform.contribution.pk).update(state="approved")
    other = factories.make_release(platform.component, "4.8.0")
    factories.make_artifact(factories.make_build(platform.contribution.current, other))
    publish(platform.contribution.pk)
    staff: Any = platform.people["staff"]
    quarantine(person=staff, contribution=platform.contribution, reason=WHY)
    restore(person=staff, contribution=platform.contribution, reason="Fine.")
    words = [delivery.word for delivery in Delivery.objects.order_by("pk")]
    assert words == ["published", "held", "held", "freed", "freed"]


def test_one_act_on_many_builds_is_one_message_to_whom_it_concerns(platform: Platform, receiver: Receiver) -> None:
    webhook = hook(platform, receiver)
    for name in ("4.8.0", "4.9.0"):
        release = factories.make_release(platform.component, name)
        factories.make_publication(factories.make_build(platform.contribution.current, release))
    staff: Any = platform.people["staff"]
    quarantine(person=staff, contribution=platform.contribution, reason=WHY)
    [delivery] = webhook.deliveries.all()
    assert delivery.word == "contribution-quarantined"
    news = json.loads(delivery.body)
    assert (news["title"], len(news["publications"])) == (None, 3)


def test_the_pauses_grow_and_in_the_end_it_is_given_up(platform: Platform, receiver: Receiver) -> None:
    receiver.statuses = [500]
    webhook, delivery = hook(platform, receiver), recalled(platform)
    for number in range(len(PAUSES)):
        deliver(delivery.pk)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries, delivery.attempts) == ("queued", number + 1, 0)
        pause = Delivery.objects.filter(due_at__gt=Now() + PAUSES[number] - timedelta(seconds=20))
        assert pause.filter(due_at__lte=Now() + PAUSES[number]).exists()
        assert deliver(delivery.pk) == [], "it is not due yet"
        later(delivery)
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.sentence, delivery.status) == ("failed", "It answered 500.", 500)
    assert len(receiver.got) == len(PAUSES) + 1
    assert {got.headers["Patchbay-Delivery"] for got in receiver.got} == {str(delivery.pk)}
    webhook.refresh_from_db()
    assert (webhook.state, webhook.failing_since is not None) == ("active", True)
    assert timedelta(days=2, hours=12) < sum(PAUSES, timedelta()) < timedelta(days=3)


def test_500_and_then_200_is_delivered_and_forgiven(platform: Platform, receiver: Receiver) -> None:
    receiver.statuses = [500, 200]
    webhook, delivery = hook(platform, receiver), recalled(platform)
    deliver(delivery.pk)
    later(delivery)
    deliver(delivery.pk)
    delivery.refresh_from_db()
    webhook.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.answer, webhook.failing_since) == ("sent", 2, "ok", None)
    assert receiver.got[0].body == receiver.got[1].body


def test_after_five_days_of_failure_it_is_disabled_and_its_owners_are_told(
    platform: Platform, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    webhook, delivery = hook(platform, receiver), recalled(platform)
    Delivery.objects.filter(pk=delivery.pk).update(tries=len(PAUSES))
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=Now() - timedelta(days=5))
    told = [message for message in deliver(delivery.pk) if isinstance(message, Letter)]
    webhook.refresh_from_db()
    assert webhook.state == Webhook.State.DISABLED
    assert [letter.person for letter in told] == [owner_of(platform.organisation)]
    post_letter(told[0].pk)
    [letter] = mail.outbox
    assert (letter.to, "disabled" in letter.subject) == (["owner@example.org"], True)
    assert webhook.url in str(letter.body)
    waiting = factories.make_delivery(webhook)
    deliver(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.sentence) == ("failed", "The webhook is disabled.")


def test_a_short_failure_does_not_disable_it(platform: Platform, receiver: Receiver) -> None:
    receiver.statuses = [500]
    webhook, delivery = hook(platform, receiver), recalled(platform)
    Delivery.objects.filter(pk=delivery.pk).update(tries=len(PAUSES))
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=Now() - timedelta(days=4))
    deliver(delivery.pk)
    webhook.refresh_from_db()
    assert webhook.is_active


def test_a_name_that_turned_inward_gets_nothing(platform: Platform, receiver: Receiver, settings: Any) -> None:
    webhook = hook(platform, receiver)
    Webhook.objects.filter(pk=webhook.pk).update(url=f"https://hooks.example.org:{receiver.port}/")
    delivery = recalled(platform)
    settings.ALLOW_PRIVATE_WEBHOOKS = False
    look_up, asked = lying("127.0.0.1")
    deliver(delivery.pk, look_up=look_up)
    delivery.refresh_from_db()
    assert (delivery.sentence, asked) == ("The portal cannot post to this address.", ["hooks.example.org"])
    assert receiver.got == []


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_posts_it(platform: Platform, receiver: Receiver) -> None:
    hook(platform, receiver)
    delivery = recalled(platform)

    def work() -> None:
        try:
            deliver(delivery.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == 1


def test_a_worker_killed_after_posting_posts_it_again_under_the_same_number(
    platform: Platform, receiver: Receiver
) -> None:
    hook(platform, receiver)
    delivery = recalled(platform)
    deliver(delivery.pk)
    lost = {"state": "running", "lease_until": Now() - timedelta(seconds=1), "finished_at": None}
    Delivery.objects.filter(pk=delivery.pk).update(**lost)  # as if the worker had died before it wrote the result
    assert delivery.pk in Delivery.objects.unheard(10)
    deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert [got.headers["Patchbay-Delivery"] for got in receiver.got] == [str(delivery.pk)] * 2


def test_a_busy_webhook_is_left_to_the_one_who_posts_to_it_and_that_one_goes_on(
    platform: Platform, receiver: Receiver
) -> None:
    webhook = hook(platform, receiver)
    first, second = factories.make_delivery(webhook), factories.make_delivery(webhook)
    assert Delivery.objects.claim(first.pk)
    assert deliver(second.pk) == []
    assert receiver.got == []
    Delivery.objects.filter(pk=first.pk).update(state="queued", lease=None, lease_until=None)
    assert deliver(first.pk) == [second]


def test_telling_twice_queues_once(platform: Platform, receiver: Receiver) -> None:
    from contributions.pipeline.notifying import announce, recall  # noqa: PLC0415 - what the actions call

    hook(platform, receiver, "recalls", "feed")
    recalled(platform)
    event = Event.objects.get(verb=Event.Verb.UNPUBLISHED)
    announce(event)
    recall(event)
    assert (Delivery.objects.count(), Letter.objects.count()) == (1, 1)


def test_the_sweep_rings_for_what_the_broker_lost_and_not_before_it_is_due(
    platform: Platform, receiver: Receiver
) -> None:
    hook(platform, receiver)
    delivery = recalled(platform)
    assert Delivery.objects.unheard(10) == [], "it was rung for just now"
    Delivery.objects.update(queued_at=Now() - timedelta(hours=1))
    assert Delivery.objects.unheard(10) == [delivery.pk]
    Delivery.objects.update(rung_at=None, due_at=Now() + timedelta(hours=1))
    assert Delivery.objects.unheard(10) == []
    sweep()


def test_one_bell_rings_for_all_messages_of_an_event(platform: Platform, receiver: Receiver) -> None:
    hook(platform, receiver)
    recalled(platform)
    deliver_news()
    assert not Delivery.objects.filter(rung_at=None).exists()
    assert not Letter.objects.filter(rung_at=None).exists()


def test_ten_thousand_who_must_hear_cost_no_more_queries_than_ten(platform: Platform) -> None:
    staff: Any = platform.people["staff"]

    def queries(count: int) -> int:
        for _ in range(count):
            organisation = factories.make_organisation(owner=factories.make_person())
            factories.make_download(organisation, platform.artifact.blob)
            factories.make_webhook(organisation, topics=["recalls"])
        with CaptureQueriesContext(connection) as captured:
            quarantine(person=staff, contribution=platform.contribution, reason=WHY)
        restore(person=staff, contribution=platform.contribution, reason="Fine.")
        return len(captured)

    assert queries(3) == queries(40)
    assert Letter.objects.filter(event__verb="quarantined").count() == 3 + 43


def test_a_trial_is_signed_and_logged_as_everything_is(platform: Platform, receiver: Receiver) -> None:
    webhook = hook(platform, receiver)
    delivery = send_trial(person=owner_of(platform.organisation), webhook=webhook)
    deliver(delivery.pk)
    assert json.loads(receiver.got[0].body)["event"] == "trial"
    assert receiver.got[0].headers["Patchbay-Signature"].startswith("t=")


def test_what_was_sent_is_sent_again_by_hand_with_the_secret_of_today(platform: Platform, receiver: Receiver) -> None:
    webhook, owner = hook(platform, receiver), owner_of(platform.organisation)
    delivery = recalled(platform)
    deliver(delivery.pk)
    secret = rotate_secret(person=owner, webhook=webhook)
    assert secret != webhook.secret
    replay(person=owner, delivery=Delivery.objects.get())
    with pytest.raises(Clash):
        replay(person=owner, delivery=Delivery.objects.get())
    deliver(delivery.pk)
    first, second = receiver.got
    assert first.body == second.body
    moment, mac = (part.split("=")[1] for part in second.headers["Patchbay-Signature"].split(","))
    assert mac == hmac.new(secret.encode(), moment.encode() + b"." + second.body, hashlib.sha256).hexdigest()


def test_a_disabled_webhook_is_not_told_and_an_enabled_one_is(platform: Platform, receiver: Receiver) -> None:
    webhook, owner = hook(platform, receiver), owner_of(platform.organisation)
    disable_webhook(person=owner, webhook=webhook)
    with pytest.raises(Clash):
        send_trial(person=owner, webhook=webhook)
    staff: Any = platform.people["staff"]
    quarantine(person=staff, contribution=platform.contribution, reason=WHY)
    assert webhook.deliveries.count() == 0
    enable_webhook(person=owner, webhook=webhook)
    restore(person=staff, contribution=platform.contribution, reason="Fine.")
    assert webhook.deliveries.count() == 1


@pytest.mark.parametrize("act", ["add", "rotate", "disable", "enable", "trial", "remove", "replay"])
@pytest.mark.parametrize("role", ["author", "maintainer", "staff"])
def test_only_owners_keep_webhooks(platform: Platform, receiver: Receiver, act: str, role: str) -> None:
    person: Any = platform.people[role]
    webhook = hook(platform, receiver)
    delivery = factories.make_delivery(webhook, state="failed")
    acts = {
        "add": lambda: add_webhook(person=person, organisation=platform.organisation, url="x", topics=["feed"]),
        "rotate": lambda: rotate_secret(person=person, webhook=webhook),
        "disable": lambda: disable_webhook(person=person, webhook=webhook),
        "enable": lambda: enable_webhook(person=person, webhook=webhook),
        "trial": lambda: send_trial(person=person, webhook=webhook),
        "remove": lambda: remove_webhook(person=person, webhook=webhook),
        "replay": lambda: replay(person=person, delivery=delivery),
    }
    with pytest.raises(NotAllowed):
        acts[act]()


def test_there_are_not_too_many_and_none_twice(platform: Platform, receiver: Receiver) -> None:
    owner = owner_of(platform.organisation)
    hook(platform, receiver)
    with pytest.raises(Clash):
        add_webhook(person=owner, organisation=platform.organisation, url=receiver.url, topics=["feed"])
    with pytest.raises(Invalid):
        add_webhook(person=owner, organisation=platform.organisation, url=f"{receiver.url}/2", topics=[])
    for _ in range(MOST_WEBHOOKS - 1):
        factories.make_webhook(platform.organisation)
    with pytest.raises(Invalid, match="at most"):
        add_webhook(person=owner, organisation=platform.organisation, url=f"{receiver.url}/3", topics=["feed"])


def test_an_address_inside_is_not_taken(platform: Platform, receiver: Receiver, settings: Any) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = False
    owner = owner_of(platform.organisation)
    for url in (receiver.url, receiver.url.replace("http", "https"), "https://169.254.169.254/latest/"):
        with pytest.raises(Invalid):
            add_webhook(person=owner, organisation=platform.organisation, url=url, topics=["feed"])


def test_old_messages_are_forgotten_and_waiting_ones_are_not(platform: Platform, receiver: Receiver) -> None:
    webhook = hook(platform, receiver)
    old = Now() - timedelta(days=31)
    factories.make_delivery(webhook, state="sent", finished_at=old)
    kept = [factories.make_delivery(webhook, state="sent", finished_at=Now()), factories.make_delivery(webhook)]
    assert forget_old() == 1
    assert list(webhook.deliveries.order_by("pk")) == kept


def test_the_pages_show_the_secret_once_and_the_log_with_its_buttons(platform: Platform, receiver: Receiver) -> None:
    from tests.pages.conftest import signed_in  # noqa: PLC0415 - its fixtures are taken through conftest

    browser = signed_in(owner_of(platform.organisation))
    address = f"{platform.organisation.get_absolute_url()}webhooks/"
    page = browser.post(address, {"url": receiver.url, "topics": ["recalls", "feed"]}).content.decode()
    webhook = Webhook.objects.get()
    assert webhook.secret in page
    assert webhook.secret not in browser.get(address).content.decode()
    here = webhook.get_absolute_url()
    assert browser.post(f"{here}trial/").status_code == 302
    deliver(Delivery.objects.get().pk)
    page = browser.get(here).content.decode()
    assert "Send again" in page
    assert webhook.secret not in page
    assert browser.post(f"{here}deliveries/{Delivery.objects.get().pk}/replay/").status_code == 302
    assert Delivery.objects.get().state == "queued"
    rotated = browser.post(f"{here}rotate/").content.decode()
    webhook.refresh_from_db()
    assert webhook.secret in rotated
    assert browser.post(f"{here}disable/").status_code == 302
    assert "Disabled" in browser.get(here).content.decode()
    assert browser.post(f"{here}enable/").status_code == 302
    assert browser.post(f"{here}remove/").status_code == 302
    assert not Webhook.objects.exists()
    wrong = browser.post(address, {"url": "ftp://hooks.example.org/", "topics": ["recalls"]})
    assert (wrong.status_code, b"ftp://hooks.example.org/" in wrong.content) == (400, True)
