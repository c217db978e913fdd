"""Discussing a contribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.markup import render
from contributions.models import Comment, Event, Standing

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .words import prose

if TYPE_CHECKING:
    from contributions.models import Contribution, Person


def comment(*, author: Person, contribution: Contribution, text: str, parent: Comment | None = None) -> Comment:
    refuse_in_quarantine(author, contribution)
    if not contribution.may_be_discussed_by(author):
        raise NotAllowed("Log in to comment.")
    if parent is not None and parent.contribution_id != contribution.pk:
        raise Invalid("The comment you answer belongs to another contribution.", field="parent")
    pace(author, Event.Verb.COMMENTED)
    text = _text(text)
    html = render(text)
    with transaction.atomic():
        made = Comment.objects.create(
            contribution=contribution,
            parent=parent,
            author=author,
            organisation=author.organisation,
            revision=contribution.current,
            text=text,
            html=html,
        )
        Event.objects.write(
            Event.Verb.COMMENTED, actor=author, contribution=contribution, revision=made.revision, comment=made
        )
        Standing.objects.recompute(contribution)
    return made


def edit_comment(*, person: Person, comment: Comment, text: str) -> Comment:
    refuse_in_quarantine(person, comment.contribution)
    if not comment.may_be_edited_by(person):
        raise NotAllowed("Only its author can edit a comment.")
    pace(person, Event.Verb.EDITED)
    text = _text(text)
    html = render(text)
    with transaction.atomic():
        Comment.objects.standing().filter(pk=comment.pk).update(text=text, html=html, edited_at=Now())
        Event.objects.write(Event.Verb.EDITED, actor=person, contribution=comment.contribution)
    comment.refresh_from_db()
    return comment


def remove_comment(*, person: Person, comment: Comment, reason: str = "") -> Comment:
    """Blank the words; the place in the thread and the replies stay. Staff give a reason, which everybody reads."""
    if not comment.may_be_removed_by(person):
        raise NotAllowed("Only its author or staff can remove a comment.")
    pace(person, Event.Verb.REMOVED)
    needed = comment.author_id != person.pk
    reason = prose(reason, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=needed)
    with transaction.atomic():
        if not Comment.objects.standing().filter(pk=comment.pk).update(text="", html="", removed_at=Now()):
            raise Clash("It is removed already.")
        Event.objects.write(
            Event.Verb.REMOVED, actor=person, contribution=comment.contribution, subject=comment.author, text=reason
        )
        Standing.objects.recompute(comment.contribution)
    comment.refresh_from_db()
    return comment


def _text(text: str) -> str:
    return prose(text, most=settings.MAX_TEXT_BYTES, what="The comment", field="text", needed=True)
