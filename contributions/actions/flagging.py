"""Telling the staff of abuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Comment, Contribution, Event, Flag, LineComment, Person

from .pacing import pace
from .words import prose

if TYPE_CHECKING:
    from contributions.models.moderation import Thing

ON: dict[type[Thing], str] = {
    Contribution: "contribution",
    Comment: "comment",
    LineComment: "remark",
    Person: "account",
}


def flag(*, reporter: Person, thing: Thing, reason: str, text: str = "") -> Flag:
    """Say that one of these things is abuse. Only staff learn of it; nothing is hidden by it."""
    made = Flag(reporter=reporter, reason=reason, **{ON[type(thing)]: thing})
    if made.accused == reporter:
        raise NotAllowed("This is your own: withdraw it or remove it yourself.")
    if reason not in Flag.Reason.values:
        raise Invalid("The reason is one of " + ", ".join(Flag.Reason.values) + ".", field="reason")
    pace(reporter, Event.Verb.FLAGGED)
    needed = reason == Flag.Reason.OTHER
    made.text = prose(text, most=settings.MAX_TEXT_BYTES, what="The text", field="text", needed=needed)
    try:
        with transaction.atomic():
            made.save()
            Event.objects.write(
                Event.Verb.FLAGGED, actor=reporter, contribution=made.within, subject=made.accused, text=reason
            )
    except IntegrityError:
        raise Clash("You flagged it already, and the staff have not decided yet.") from None
    made.refresh_from_db()
    return made
