"""Webhooks of an organisation: made, tried out, paused, given a new secret, removed; and a delivery sent again."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction

from contributions import posting
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Delivery, Event, Organisation, Webhook
from contributions.plaintext import clean
from contributions.tasks import ring

from .pacing import pace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Person

MOST_WEBHOOKS = 20
SECRET_PREFIX = "pbw_"  # noqa: S105 - the public start of every secret, so that scanners can name it


def add_webhook(*, person: Person, organisation: Organisation, url: str, topics: Sequence[str]) -> tuple[Webhook, str]:
    """Return the webhook and its secret, which is shown now and never again."""
    _refuse_strangers(person, organisation)
    pace(person, Event.Verb.HOOKED)
    url, wanted = clean(url).strip(), sorted(set(topics))
    if not wanted or not set(wanted) <= set(Webhook.Topic.values):
        raise Invalid("Choose one or more of " + ", ".join(Webhook.Topic.values) + ".", field="topics")
    posting.check(url, allow_private=settings.ALLOW_PRIVATE_WEBHOOKS)
    try:
        with transaction.atomic():
            Organisation.objects.select_for_update().get(pk=organisation.pk)
            if organisation.webhooks.count() >= MOST_WEBHOOKS:
                raise Invalid(f"An organisation has {MOST_WEBHOOKS} webhooks at most; remove one first.", field="url")
            webhook = Webhook.objects.create(
                organisation=organisation, url=url, secret=_new_secret(), topics=wanted, made_by=person
            )
            _note(person, webhook, f"Added {webhook.url}")
    except IntegrityError:
        raise Clash("There is a webhook of that address already.", field="url") from None
    return webhook, webhook.secret


def rotate_secret(*, person: Person, webhook: Webhook) -> str:
    """From now on all that is sent, old deliveries too, is signed with the new secret; return it."""
    _refuse_strangers(person, webhook.organisation)
    pace(person, Event.Verb.HOOKED)
    secret = _new_secret()
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(secret=secret)
        _note(person, webhook, f"Gave a new secret to {webhook.url}")
    return secret


def disable_webhook(*, person: Person, webhook: Webhook) -> Webhook:
    return _turned(person, webhook, Webhook.State.DISABLED, "Disabled")


def enable_webhook(*, person: Person, webhook: Webhook) -> Webhook:
    return _turned(person, webhook, Webhook.State.ACTIVE, "Enabled")


def remove_webhook(*, person: Person, webhook: Webhook) -> None:
    """With its delivery log."""
    _refuse_strangers(person, webhook.organisation)
    pace(person, Event.Verb.HOOKED)
    with transaction.atomic():
        _note(person, webhook, f"Removed {webhook.url}")
        webhook.delete()


def send_trial(*, person: Person, webhook: Webhook) -> Delivery:
    """Send something harmless, so that the other side can be tried out."""
    _refuse_strangers(person, webhook.organisation)
    pace(person, Event.Verb.HOOKED)
    if not webhook.is_active:
        raise Clash("It is disabled: enable it first.")
    news = {"event": "trial", "site": settings.SITE_URL, "organisation": webhook.organisation.slug}
    with transaction.atomic():
        delivery = Delivery.objects.create(webhook=webhook, word="trial", body=json.dumps(news))
        _note(person, webhook, f"Tried {webhook.url}")
        ring(delivery)
    return delivery


def replay(*, person: Person, delivery: Delivery) -> Delivery:
    """Send a delivery that is over once more: the same bytes under the same number."""
    _refuse_strangers(person, delivery.webhook.organisation)
    pace(person, Event.Verb.HOOKED)
    if not delivery.webhook.is_active:
        raise Clash("Its webhook is disabled: enable it first.")
    with transaction.atomic():
        delivery.send_again()
        _note(person, delivery.webhook, f"Sent delivery {delivery.pk} again to {delivery.webhook.url}")
        ring(delivery)
    return delivery


def _turned(person: Person, webhook: Webhook, to: str, word: str) -> Webhook:
    _refuse_strangers(person, webhook.organisation)
    pace(person, Event.Verb.HOOKED)
    with transaction.atomic():
        webhook.move(to, failing_since=None)
        _note(person, webhook, f"{word} {webhook.url}")
    return webhook


def _refuse_strangers(person: Person, organisation: Organisation) -> None:
    if not organisation.may_be_run_by(person):
        raise NotAllowed("Only an owner of the organisation keeps its webhooks.")


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def _note(person: Person, webhook: Webhook, text: str) -> None:
    Event.objects.write(Event.Verb.HOOKED, actor=person, organisation=webhook.organisation, text=text)
