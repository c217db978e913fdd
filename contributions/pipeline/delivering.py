"""Sending what was queued: webhooks signed byte for byte, and letters; each until it is taken or given up."""

from __future__ import annotations

import hashlib
import hmac
import smtplib
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from contributions.addresses import look_up as ask_resolver
from contributions.errors import Clash
from contributions.models import Delivery, Event, Letter, Mailing, Webhook
from contributions.plaintext import clean
from contributions.posting import NotTaken, Outlet

from .leasing import leased
from .notifying import tell_owners
from .wording import news_of

if TYPE_CHECKING:
    from contributions.addresses import LookUp
    from contributions.models import Person
    from contributions.models.notices import Message

BROKEN_FOR = timedelta(days=5)
KEPT_FOR = timedelta(days=30)
MOST_FORGOTTEN = 1000
UNSUBSCRIBE_SALT = "contributions.recall-mail"
UNSUBSCRIBED, DISABLED = "They asked for no more mail about recalls.", "The webhook is disabled."
TOLD_TO_DISABLE = "It answered nothing good for five days, so that nothing is sent to it any more: {url}"


def deliver(pk: int, *, look_up: LookUp = ask_resolver) -> list[Message]:
    """Post one delivery to its webhook; return the messages that may go now because of it.

    A webhook is posted to one at a time, so that a slow one holds up nobody else; who finds it busy leaves its
    delivery to the one that is under way.
    """
    if _is_busy(pk):
        return []
    delivery = Delivery.objects.claim(pk)
    if delivery is None:
        return []
    told: list[Message] = []
    with leased(delivery):
        if delivery.webhook.is_active:
            told = _sent(delivery, look_up)
        else:
            delivery.finish(Delivery.State.FAILED, sentence=DISABLED)
    return [*told, *_next(delivery)]


def _is_busy(pk: int) -> bool:
    others = Delivery.objects.filter(webhook__deliveries=pk, state=Delivery.State.RUNNING, lease_until__gte=Now())
    return others.exclude(pk=pk).exists()


def _next(delivery: Delivery) -> list[Delivery]:
    waiting = Delivery.objects.filter(webhook=delivery.webhook_id, state=Delivery.State.QUEUED).waiting()
    return list(waiting.order_by("pk")[:1])


def _sent(delivery: Delivery, look_up: LookUp) -> list[Message]:
    body = delivery.body.encode()
    try:
        outlet = Outlet(allow_private=settings.ALLOW_PRIVATE_WEBHOOKS, look_up=look_up)
        answer = outlet.post(delivery.webhook.url, body, headers_of(delivery, body, int(time.time())))
    except NotTaken as fault:
        return _not_taken(delivery, fault.sentence, status=None, answer="")
    said = {"status": answer.status, "answer": clean(answer.text)[:500]}
    if not answer.is_thanks:
        return _not_taken(delivery, f"It answered {answer.status}.", **said)
    delivery.finish(Delivery.State.SENT, tries=delivery.tries + 1, sentence="", **said)
    Webhook.objects.filter(pk=delivery.webhook_id).exclude(failing_since=None).update(failing_since=None)
    return []


def headers_of(delivery: Delivery, body: bytes, moment: int) -> dict[str, str]:
    """`v1` is the HMAC-SHA256, by the webhook's secret, of the seconds since 1970, a dot and the body."""
    mac = hmac.new(delivery.webhook.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Patchbay-Webhook/1",
        "Patchbay-Event": delivery.word,
        "Patchbay-Delivery": str(delivery.pk),
        "Patchbay-Signature": f"t={moment},v1={mac.hexdigest()}",
    }


def _not_taken(delivery: Delivery, sentence: str, **said: Any) -> list[Message]:
    with transaction.atomic():
        delivery.put_off(sentence, **said)
        Webhook.objects.filter(pk=delivery.webhook_id, failing_since=None).update(failing_since=Now())
        if delivery.state == Delivery.State.FAILED:
            return _disabled(delivery.webhook)
    return []


def _disabled(webhook: Webhook) -> list[Message]:
    """After days without one good answer nothing more is sent, and the owners are told."""
    long_broken = Webhook.objects.filter(pk=webhook.pk, state=Webhook.State.ACTIVE)
    if not long_broken.filter(failing_since__lte=Now() - BROKEN_FOR).exists():
        return []
    try:
        webhook.move(Webhook.State.DISABLED)
    except Clash:
        return []
    text = TOLD_TO_DISABLE.format(url=webhook.url)
    event = Event.objects.write(Event.Verb.HOOKED, organisation=webhook.organisation, text=text)
    tell_owners(event, webhook.organisation)
    return list(Letter.objects.filter(event=event))


def mail(pk: int) -> None:
    """Send one letter."""
    letter = Letter.objects.claim(pk)
    if letter is None:
        return
    with leased(letter):
        if not _is_wanted(letter):
            letter.finish(Letter.State.FAILED, sentence=UNSUBSCRIBED)
            return
        post(letter, written(letter))


def post(row: Message, letter: EmailMessage) -> None:
    """Hand the letter to the mail server; what it does not take is tried again later."""
    try:
        letter.send()
    except smtplib.SMTPRecipientsRefused:
        row.put_off("The mail server takes nothing for this address.")
    except (OSError, smtplib.SMTPException):
        row.put_off("The mail server did not take it.")
    else:
        row.finish(row.State.SENT, tries=row.tries + 1, sentence="")


def _is_wanted(letter: Letter) -> bool:
    person = letter.person
    if letter.event.verb == Event.Verb.HOOKED:
        return person.is_active
    return person.is_active and person.recall_mail != person.RecallMail.NONE


SUBJECTS: dict[str, str] = {
    "withdrawn": "Withdrawn: {what}",
    "held": "In quarantine: {what}",
    "freed": "Out of quarantine: {what}",
    "contribution-withdrawn": "Withdrawn: {what}",
    "contribution-quarantined": "In quarantine: {what}",
    "contribution-restored": "Out of quarantine: {what}",
    "advised": "{severity} advisory: {what}",
    "unadvised": "Advisory withdrawn: {what}",
    "webhook-disabled": "A webhook of yours is disabled",
}
LETTER = """\
Hello {username},

{heading}
{page}

{reason}
{files}
{why}

{site} {url}
"""
WHY = """\
You hear of it because an organisation of yours has reported on it or downloaded it. Other mail, or none:
{settings}
None any more, at once:
{unsubscribe}
"""
OWN = "You hear of it because you own the organisation whose webhook it is."


def written(letter: Letter) -> EmailMessage:
    """The mail; its Message-ID is always the same, so that a mailbox can tell a second one."""
    person, news = letter.person, news_of(letter.event)
    is_own = letter.event.verb == Event.Verb.HOOKED
    severity = (news["advisory"] or {}).get("severity", "").capitalize()
    subject = SUBJECTS[news["event"]].format(what=_what(news), severity=severity)
    leave = unsubscribe_address(person)
    why = OWN if is_own else WHY.format(settings=address("notices"), unsubscribe=leave)
    text = LETTER.format(
        username=person.username,
        heading=clean(subject),
        reason=clean(_reason(news)),
        page=news["page"],
        files=_files(news),
        why=why,
        site=settings.SITE_NAME,
        url=settings.SITE_URL,
    )
    headers = {"Message-ID": f"<letter-{letter.pk}@{host()}>", "Auto-Submitted": "auto-generated"}
    if not is_own:
        headers |= {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    line = " ".join(clean(f"[{settings.SITE_NAME}] {subject}").split())
    return EmailMessage(line, text, None, [person.email], headers=headers)


def _reason(news: dict[str, Any]) -> str:
    """Why, in the words of who did it; of an advisory, which revisions it is about."""
    if news["event"] != "advised":
        return str(news["reason"])
    affected, fixed = (_named(news["advisory"][name]) for name in ("affected", "fixed"))
    return f"Affected: {affected}." + (f" Mended by: {fixed}." if fixed else "")


def _named(revisions: list[dict[str, int]]) -> str:
    return ", ".join(f"#{row['contribution']} v{row['revision']}" for row in revisions)


def _what(news: dict[str, Any]) -> str:
    if news["advisory"]:
        return f"{news['advisory']['id']} {news['advisory']['title']}"
    if news["contribution"] is None:
        return ""
    name = f"#{news['contribution']} of {news['component']}"
    return f"{name}: {news['title']}" if news["title"] else name


def _files(news: dict[str, Any]) -> str:
    lines = [
        f"  {file['sha256']}  {file['name']}  ({row['release']}, {row['state']})"
        for row in news["publications"]
        for file in row["artifacts"]
    ]
    return "\nIts files, by SHA-256:\n" + "\n".join(lines) + "\n" if lines else ""


def address(name: str, *parts: Any) -> str:
    return f"{settings.SITE_URL}{reverse(name, args=parts)}"


def host() -> str:
    return settings.SITE_URL.partition("://")[2].partition("/")[0].partition(":")[0] or "localhost"


def unsubscribe_address(person: Person) -> str:
    return address("unsubscribe", signing.dumps(person.pk, salt=UNSUBSCRIBE_SALT))


def forget_old() -> int:
    """Drop what was done with a month ago, a piece at a time; return how many messages went."""
    before = timezone.now() - KEPT_FOR
    gone = 0
    for model in (Delivery, Letter, Mailing):
        over = model.objects.filter(finished_at__lt=before).exclude(state=model.State.QUEUED)
        keys = list(over.values_list("pk", flat=True)[:MOST_FORGOTTEN])
        gone += model.objects.filter(pk__in=keys).delete()[0]
    return gone
