"""Answering, by the link in a letter, whether what one reported still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import signing

from contributions.errors import Invalid, Missing
from contributions.models import FieldReport
from contributions.pipeline.asking import ANSWER_SALT, OPEN_FOR_DAYS

from .reporting import say_again, take_back

if TYPE_CHECKING:
    from contributions.models import Person

GONE = "gone"
ANSWERS = {
    "works": "It still works",
    "partly": "It works partly",
    "broken": "It is broken for us now",
    GONE: "We run it no longer",
}


def report_of(token: str) -> FieldReport:
    """The report that the link is about; raises Missing for a link that is old, not whole, or overtaken."""
    try:
        report, author = signing.loads(token, salt=ANSWER_SALT, max_age=OPEN_FOR_DAYS * 24 * 3600)
    except signing.SignatureExpired:
        raise Missing("This link has expired. Report again on the page of the contribution.") from None
    except (signing.BadSignature, ValueError, TypeError):
        raise Missing("This link is not whole. Copy all of it from the letter.") from None
    rows = FieldReport.objects.select_related("contribution__component", "release", "author", "organisation")
    found = rows.filter(pk=report, author=author, author__is_active=True).first()
    if found is None or not found.contribution.is_public or found.contribution.is_withdrawn:
        raise Missing("There is nothing to answer here any more: it was said anew, taken back, or is out of sight.")
    return found


def answer_by_link(*, token: str, answer: str) -> FieldReport | None:
    """Say for the report's author what the link asks; None when it was taken back by that. Whoever holds it may."""
    report = report_of(token)
    author: Person = report.author
    if answer not in ANSWERS:
        raise Invalid("The answer is one of " + ", ".join(ANSWERS) + ".", field="answer")
    if answer == GONE:
        take_back(author=author, report=report)
        return None
    return say_again(author=author, report=report, outcome=answer)
