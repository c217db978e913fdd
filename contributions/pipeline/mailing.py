"""Letters that gather what somebody was told, by that person's own rules: at once, daily or weekly, and with a way out.

“At once” waits some minutes, so that what comes in a row about one contribution is one letter.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.utils import timezone

from contributions.models import Event, Mailing, Notification
from contributions.models.news import About, Rhythm, rules_of
from contributions.plaintext import clean

from .asking import question_of
from .delivering import address, host, post
from .leasing import leased
from .notifying import OF_RELEASES
from .wording import address_of, place_of, sentence_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contributions.models import Contribution, Person

GATHER_LOCK = 0x67617468  # "gath": any number that nothing else in this database locks
GROUPS_AT_ONCE = 1000
READ_KEPT_FOR, KEPT_FOR = timedelta(days=90), timedelta(days=365)
MOST_FORGOTTEN = 10_000
MOST_NAMED = 3  # releases in the subject of a letter
MOST_LINES = 200  # of one letter; what is more is counted
LONGEST_WORDS = 4000  # characters of what one person said
STOP_SALT = "contributions.news-mail"
NOTHING_LEFT = "Nothing was left to tell: it was read on the site, muted, or is out of sight."
UNWANTED = "They asked for no such mail."
TAKE = """
UPDATE contributions_notification AS line SET mailing_id = letter.id, due_at = NULL
FROM contributions_mailing AS letter
WHERE letter.id = ANY(%s) AND line.person_id = letter.person_id AND line.rhythm = letter.rhythm
AND line.due_at IS NOT NULL
AND (letter.rhythm <> 'now' OR letter.contribution_id IS NOT DISTINCT FROM CASE WHEN EXISTS (
    SELECT FROM contributions_event event WHERE event.id = line.event_id AND event.verb IN ('taken', 'stranded')
) THEN NULL ELSE line.contribution_id END)
"""


def gather() -> int:
    """Put what is due into letters, and what waits for the same one with it; return how many letters there are now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GATHER_LOCK])
        of_one = Q(rhythm=Rhythm.NOW) & ~Q(event__verb__in=OF_RELEASES)
        about = Case(When(of_one, then=F("contribution")), default=None)
        due = Notification.objects.filter(due_at__lte=Now()).order_by().annotate(about=about)
        groups = due.values_list("person", "rhythm", "about").distinct()[:GROUPS_AT_ONCE]
        letters = Mailing.objects.bulk_create(
            Mailing(person_id=person, rhythm=rhythm, contribution_id=about) for person, rhythm, about in groups
        )
        if letters:
            cursor.execute(TAKE, [[letter.pk for letter in letters]])
    return len(letters)


def mail(pk: int) -> None:
    """Send one gathered letter, or one question."""
    row = Mailing.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        letter = _question(row) if row.report_id else _news(row)
        if letter is None:
            row.finish(Mailing.State.FAILED, sentence=UNWANTED if row.report_id else NOTHING_LEFT)
        else:
            post(row, letter)


def _question(row: Mailing) -> EmailMessage | None:
    person, report = row.person, row.report
    if report is None or rules_of(person)[About.QUESTIONS] == Rhythm.NEVER or not _is_reached(person):
        return None
    subject, text = question_of(report)
    leave = stop_address(person, [About.QUESTIONS])
    ways = f"No more questions of this kind:\n{leave}\nWhat you get by mail:\n{address('notices')}"
    return _letter(row, subject, f"{clean(text)}\n", ways, leave)


def _news(row: Mailing) -> EmailMessage | None:
    person = row.person
    lines = _lines(row)
    if not lines or not _is_reached(person):
        return None
    contribution = row.contribution if row.rhythm == Rhythm.NOW else None
    subject = _title(contribution) if contribution else _digest_title(row, lines)
    text = _told(lines, with_words=row.rhythm == Rhythm.NOW)
    leave = stop_address(person, sorted({Notification.ABOUT[line.why] for line in lines}))
    return _letter(row, subject, text, _ways_out(person, lines, contribution, leave), leave)


def _lines(row: Mailing) -> Sequence[Notification]:
    """What is still to be told: unread, not muted since, and not out of sight."""
    told = Notification.objects.seen_by(row.person).unread().with_names().filter(mailing=row)
    muted = row.person.follows.filter(is_muted=True, contribution__isnull=False).values("contribution")
    return list(told.exclude(contribution__in=muted).order_by("contribution", "pk"))


def _is_reached(person: Person) -> bool:
    return person.is_active and bool(person.email)


def _title(contribution: Contribution) -> str:
    return f"#{contribution.pk} of {contribution.component.slug}: {contribution.title}"


def _digest_title(row: Mailing, lines: Sequence[Notification]) -> str:
    if row.rhythm == Rhythm.NOW and (title := _release_title(lines)):
        return title
    titles = {Rhythm.DAILY: "Today", Rhythm.WEEKLY: "This week"}
    count = len({line.contribution_id or -line.event_id for line in lines})
    what = "one thing" if count == 1 else f"{count} things"
    return f"{titles.get(Rhythm(row.rhythm), 'News')}: {what} that you follow"


def _release_title(lines: Sequence[Notification]) -> str:
    """Of what one release did to many; empty if that is not what the lines tell."""
    if any(line.event.verb not in OF_RELEASES for line in lines):
        return ""
    releases = sorted({str(line.event.release) for line in lines})
    where = ", ".join(releases) if len(releases) <= MOST_NAMED else f"{len(releases)} releases"
    counts = Counter(line.event.verb for line in lines)
    told: dict[str, str] = {Event.Verb.TAKEN: "{} upstream now", Event.Verb.STRANDED: "{} to be ported"}
    return f"{where}: {', '.join(told[verb].format(n) for verb, n in sorted(counts.items()))}"


def _told(lines: Sequence[Notification], *, with_words: bool) -> str:
    """The lines below the title of what they are about."""
    parts, about = [], None
    for line in lines[:MOST_LINES]:
        if line.contribution_id != about and line.contribution is not None:
            parts.append(f"{clean(_title(line.contribution))}\n{address_of(line.contribution)}\n")
        about = line.contribution_id
        parts.append(_line(line, with_words=with_words))
    if len(lines) > MOST_LINES:
        parts.append(f"And {len(lines) - MOST_LINES:,} more:\n{address('notifications')}\n")
    return "\n".join(parts)


def _line(line: Notification, *, with_words: bool) -> str:
    where = f"{settings.SITE_URL}{place_of(line.event)}"
    said = f"* {clean(sentence_of(line.event))}\n  {where}\n"
    words = clean(words_of(line.event))[:LONGEST_WORDS] if with_words else ""
    return said + "".join(f"  > {text}\n" for text in words.splitlines())


def _ways_out(person: Person, lines: Iterable[Notification], contribution: Contribution | None, leave: str) -> str:
    why = sorted({line.reason for line in lines})
    ways = [f"You hear of it because {', and because '.join(clean(reason) for reason in why[:3])}."]
    if contribution is not None:
        ways.append(f"No more of #{contribution.pk}, at once:\n{mute_address(person, contribution)}")
    ways.append(f"No more mail of this kind, at once:\n{leave}")
    ways.append(f"What you get by mail, and how often:\n{address('notices')}")
    return "\n".join(ways)


def _letter(row: Mailing, subject: str, text: str, ways: str, leave: str) -> EmailMessage:
    body = f"Hello {row.person.username},\n\n{text}\n-- \n{ways}\n\n{settings.SITE_NAME} {settings.SITE_URL}\n"
    line = " ".join(clean(f"[{settings.SITE_NAME}] {subject}").split())
    headers = _headers(row) | {
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return EmailMessage(line, body, None, [row.person.email], headers=headers)


def _headers(row: Mailing) -> dict[str, Any]:
    """By these a mail program sorts and threads; the Message-ID is always the same, so that it can tell a second one.

    All letters about a contribution answer one that was never sent, and so stand in one thread.
    """
    headers = {
        "Message-ID": f"<news-{row.pk}@{host()}>",
        "Auto-Submitted": "auto-generated",
        "Precedence": "list",
        "List-Id": f"News <news.{host()}>",
    }
    if row.contribution is not None and row.report_id is None:
        component, thread = row.contribution.component.slug, f"<contribution-{row.contribution_id}@{host()}>"
        headers["List-Id"] = f"{component} #{row.contribution_id} <{row.contribution_id}.{component}.{host()}>"
        headers |= {"In-Reply-To": thread, "References": thread}
    return headers


def stop_address(person: Person, abouts: Sequence[str]) -> str:
    """Where one press ends mail about these."""
    return address("news-stop", signing.dumps([person.pk, "mail", *abouts], salt=STOP_SALT, compress=True))


def mute_address(person: Person, contribution: Contribution) -> str:
    """Where one press ends all that would be told of the contribution."""
    return address("news-stop", signing.dumps([person.pk, "mute", contribution.pk], salt=STOP_SALT, compress=True))


def forget_read() -> int:
    """Drop what was told long ago, a piece at a time; the history itself keeps every line. Return how many went."""
    now = timezone.now()
    over = Q(read_at__lt=now - READ_KEPT_FOR) | Q(created_at__lt=now - KEPT_FOR)
    keys = list(Notification.objects.filter(over).order_by("pk").values_list("pk", flat=True)[:MOST_FORGOTTEN])
    return Notification.objects.filter(pk__in=keys).delete()[0]
