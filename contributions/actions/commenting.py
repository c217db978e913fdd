"""Discussing a contribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Comment, CommentEdit, Event, Standing

from .pacing import pace, pace_looking
from .quarantining import refuse_in_quarantine
from .rendering import rendered
from .words import prose

if TYPE_CHECKING:
    from contributions.models import Contribution, Person


def comment(
    *,
    author: Person,
    contribution: Contribution,
    text: str,
    parent: Comment | None = None,
    is_question: bool = False,
) -> Comment:
    """Say something, answer somebody, or ask: of a question one of its answers can be accepted."""
    _refuse(author, contribution)
    if parent is not None and parent.contribution_id != contribution.pk:
        raise Invalid("The comment you answer belongs to another contribution.", field="parent")
    if parent is not None and is_question:
        raise Invalid("An answer is no question: ask in a comment of its own.", field="is_question")
    pace(author, Event.Verb.COMMENTED)
    return _said(Event.Verb.COMMENTED, author, contribution, text, parent=parent, is_question=is_question)


def cover(*, author: Person, contribution: Contribution, text: str) -> Comment:
    """The comment of a round of remarks on lines, which are published with it; the history calls it by its own verb."""
    _refuse(author, contribution)
    pace(author, Event.Verb.REMARKED)
    return _said(Event.Verb.REMARKED, author, contribution, text)


def _refuse(author: Person, contribution: Contribution) -> None:
    refuse_in_quarantine(author, contribution)
    if not contribution.may_be_discussed_by(author):
        raise NotAllowed("Log in to comment; a draft is discussed once it is public.")


def _said(verb: Event.Verb, author: Person, contribution: Contribution, text: str, **columns: object) -> Comment:
    text = _text(text)
    html = rendered(text)
    with transaction.atomic():
        made = Comment.objects.create(
            contribution=contribution,
            author=author,
            organisation=author.organisation,
            revision=contribution.current,
            text=text,
            html=html,
            **columns,
        )
        Event.objects.write(verb, actor=author, contribution=contribution, revision=made.revision, comment=made)
        Standing.objects.recompute(contribution)
    return made


def edit_comment(*, person: Person, comment: Comment, text: str, is_question: bool | None = None) -> Comment:
    """Say it in other words; what it said before stays to be read. `is_question` as it was unless it is given."""
    refuse_in_quarantine(person, comment.contribution)
    if not comment.may_be_edited_by(person):
        raise NotAllowed("Only its author can edit a comment.")
    pace(person, Event.Verb.EDITED)
    text = _text(text)
    html = rendered(text)
    with transaction.atomic():
        now = _locked(comment)
        asks = now.is_question if is_question is None else is_question
        _refuse_odd_question(now, asks=asks)
        if text != now.text:
            CommentEdit.objects.create(comment=now, text=now.text, html=now.html)
            Comment.objects.filter(pk=now.pk).update(text=text, html=html, edited_at=Now())
        Comment.objects.filter(pk=now.pk).update(is_question=asks)
        Event.objects.write(Event.Verb.EDITED, actor=person, contribution=comment.contribution, comment=comment)
        Standing.objects.recompute(comment.contribution)
    comment.refresh_from_db()
    return comment


def remove_comment(*, person: Person, comment: Comment, reason: str = "") -> Comment:
    """Blank the words, in its history too; the place in the thread and the replies stay.

    Staff give a reason, which everybody reads.
    """
    if not comment.may_be_removed_by(person):
        raise NotAllowed("Only its author or staff can remove a comment.")
    pace(person, Event.Verb.REMOVED)
    needed = comment.author_id != person.pk
    reason = prose(reason, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=needed)
    with transaction.atomic():
        if not Comment.objects.standing().filter(pk=comment.pk).update(text="", html="", removed_at=Now()):
            raise Clash("It is removed already.")
        comment.edits.all().delete()
        Event.objects.write(
            Event.Verb.REMOVED,
            actor=person,
            contribution=comment.contribution,
            subject=comment.author,
            comment=comment,
            text=reason,
        )
        Standing.objects.recompute(comment.contribution)
    comment.refresh_from_db()
    return comment


def previewed(*, person: Person, text: str) -> str:
    """The HTML that the text would become; nothing is kept."""
    pace_looking(person, "looked at previews", most=60)
    return rendered(_text(text))


def _locked(comment: Comment) -> Comment:
    """The comment as it stands now, held until the transaction ends; raises Clash when it was removed."""
    found = Comment.objects.standing().select_for_update(of=("self",), no_key=True).filter(pk=comment.pk).first()
    if found is None:
        raise Clash("The comment was removed meanwhile.")
    return found


def _refuse_odd_question(comment: Comment, *, asks: bool) -> None:
    if asks and comment.parent_id is not None:
        raise Invalid("An answer is no question: ask in a comment of its own.", field="is_question")
    answers = comment.replies.filter(accepted_at__isnull=False)
    if comment.is_question and not asks and answers.exists():
        raise Clash("It has an accepted answer; take that back first.", field="is_question")


def _text(text: str) -> str:
    return prose(text, most=settings.MAX_TEXT_BYTES, what="The comment", field="text", needed=True)
