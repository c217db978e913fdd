"""Asking again: the letter that asks whether what somebody reported still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse

if TYPE_CHECKING:
    from contributions.models import FieldReport


def question_of(report: FieldReport) -> tuple[str, str]:
    """The subject of the letter and what it says between the greeting and the way out of such letters."""
    where = f"{settings.SITE_URL}{reverse('contribution-evidence', args=[report.contribution_id])}"
    subject = f"#{report.contribution_id} on {report.release.name}: still running?"
    said = f"You reported “{report.get_outcome_display()}” of #{report.contribution_id} on {report.release}."
    return subject, f"{said} Does that still hold? Say so here:\n{where}"
