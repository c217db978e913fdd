"""Asking again: the letter that asks whether what somebody reported still holds, and when it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from contributions.models import FieldReport, Membership
from contributions.models.voices import FIRST_ASK, MOST_ASKS, NEXT_ASK

from .notifying import ask

if TYPE_CHECKING:
    from datetime import datetime

AT_ONCE = 200
ANSWER_SALT = "contributions.still-running"
QUESTION = """\
On {day} you reported “{outcome}” of #{number}, {title}, on {release}.

Is that still so? One press says it, without signing in:
{link}

It keeps your report from fading: evidence counts half as much after 180 days. The link is for this report alone and
opens for {days} days."""
OPEN_FOR_DAYS = 60


def ask_again() -> int:
    """Queue the letters that are due; return how many. Of two sweeps at once each takes its own reports."""
    asked = 0
    while True:
        with transaction.atomic():
            due = FieldReport.objects.filter(asks_at__lte=timezone.now()).select_for_update(
                skip_locked=True, of=("self",)
            )
            reports = list(due.select_related("contribution", "author").order_by("asks_at")[:AT_ONCE])
            asked += sum(_asked(report, timezone.now()) for report in reports)
        if len(reports) < AT_ONCE:
            return asked


def _asked(report: FieldReport, now: datetime) -> bool:
    """Note that it is asked now, and when next; False when there is nobody or nothing to ask any more."""
    wanted = _is_worth_asking(report)
    asked = report.asked + wanted
    again = max(report.reported_at + NEXT_ASK, now + NEXT_ASK - FIRST_ASK) if wanted and asked < MOST_ASKS else None
    FieldReport.objects.filter(pk=report.pk).update(asked=asked, asks_at=again)
    if wanted:
        ask(report)
    return wanted


def _is_worth_asking(report: FieldReport) -> bool:
    """Whoever runs it, and still belongs to the organisation, is asked while everybody may see it."""
    contribution = report.contribution
    if not report.runs_it or contribution.is_withdrawn or not contribution.is_public or not report.author.is_active:
        return False
    return Membership.objects.filter(person=report.author, organisation=report.organisation_id).exists()


def question_of(report: FieldReport) -> tuple[str, str]:
    """The subject of the letter and what it says between the greeting and the way out of such letters."""
    text = QUESTION.format(
        day=f"{report.reported_at:%Y-%m-%d}",
        outcome=report.get_outcome_display(),
        number=report.contribution_id,
        title=report.contribution.title,
        release=report.release.name,
        link=answer_address(report),
        days=OPEN_FOR_DAYS,
    )
    return f"#{report.contribution_id} on {report.release.name}: still running?", text


def answer_address(report: FieldReport) -> str:
    """Where its author, and nobody else, answers for this report without signing in."""
    return (
        f"{settings.SITE_URL}{reverse('still', args=[signing.dumps([report.pk, report.author_id], salt=ANSWER_SALT)])}"
    )
