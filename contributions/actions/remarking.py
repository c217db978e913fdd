"""Remarks on lines: kept as drafts, published together as a round, answered, resolved, edited and removed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions import anchoring
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge, TooMany
from contributions.models import Contribution, Event, LineComment, LineCommentEdit
from contributions.models.whereabouts import file_named, text_of
from contributions.plaintext import clean

from .commenting import cover
from .pacing import pace
from .quarantining import refuse_in_quarantine
from .rendering import rendered
from .reviewing import review
from .words import prose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from django.db.models import QuerySet

    from contributions.models import Comment, Person, Revision

MOST_DRAFTS = 200  # that one person may keep
MOST_LINES = 200  # that one remark may be on
MOST_SUGGESTED = 16 * 1024  # bytes
LONGEST_PATH = 1000
Side = LineComment.Side


@dataclass(frozen=True)
class Place:
    """Lines `start` to `end` of one side of a file of a revision; 0 and 0 is the whole file."""

    revision: Revision
    path: str
    side: str = Side.NEW
    start: int = 0
    end: int = 0


def remark(
    *,
    author: Person,
    contribution: Contribution,
    place: Place,
    text: str,
    suggestion: str | None = None,
    at_once: bool = False,
) -> LineComment:
    """Say something about lines: a draft of one's own, or published `at_once`.

    `suggestion` is what the lines should say instead; an empty one takes them out, None suggests nothing.
    """
    _refuse(author, contribution)
    pace(author, Event.Verb.REMARKED)
    text = _text(text, needed=suggestion is None)
    held = _held(contribution, place)
    if suggestion is not None:
        held["suggestion"] = _suggestion(suggestion, place, held["quoted"])
    return _kept(author, contribution, text, at_once=at_once, suggests=suggestion is not None, **held)


def answer(*, author: Person, thread: LineComment, text: str, at_once: bool = False) -> LineComment:
    """Answer in a thread, as a draft or at once."""
    contribution = thread.contribution
    _refuse(author, contribution)
    pace(author, Event.Verb.REMARKED)
    root = thread.parent or thread
    if root.is_draft:
        raise Clash("This remark is a draft of yours: edit it instead.")
    held = {name: getattr(root, name) for name in ("revision", "path", "old_path", "side", "start", "end")}
    return _kept(author, contribution, _text(text, needed=True), at_once=at_once, parent=root, **held)


def publish(
    *, author: Person, contribution: Contribution, words: str = "", verdict: str = "", revision: int | None = None
) -> Comment:
    """Publish all drafts on the contribution as one round, with a verdict on it if one is given, or nothing at all.

    `revision` is the number that was looked at, as for `review`.
    """
    _refuse(author, contribution)
    pace(author, Event.Verb.REMARKED)
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        drafts = list(_drafts(author, contribution).order_by("pk").select_for_update(of=("self",)))
        if not drafts:
            raise Clash("There are no drafts of yours to publish; perhaps they are published already.")
        made = _publish(drafts, author, contribution, words)
        if verdict:
            given: dict[str, Any] = {"verdict": verdict, "message": words or made.text, "revision": revision}
            review(reviewer=author, contribution=contribution, **given)
    return made


def discard(*, person: Person, contribution: Contribution) -> int:
    """Throw away one's drafts on the contribution; answers how many there were."""
    gone, _ = _drafts(person, contribution).delete()
    return gone


def edit_remark(*, person: Person, remark: LineComment, text: str, suggestion: str | None = None) -> LineComment:
    """Put other words in; what was published before can be read on. A suggestion changes only in a draft."""
    refuse_in_quarantine(person, remark.contribution)
    if not remark.may_be_edited_by(person):
        raise NotAllowed("Only its author can edit a remark.")
    pace(person, Event.Verb.EDITED)
    text = _text(text, needed=not remark.suggests)
    changed = {"text": text, "html": rendered(text)}
    if suggestion is not None and remark.is_draft and remark.suggests:
        place = Place(remark.revision, remark.path, remark.side, remark.start, remark.end)
        changed["suggestion"] = _suggestion(suggestion, place, remark.quoted)
    with transaction.atomic():
        _rewrite(person, remark, changed)
    remark.refresh_from_db()
    return remark


def remove_remark(*, person: Person, remark: LineComment, reason: str = "") -> None:
    """Throw a draft away; of what is published blank the words: its place and its answers stay.

    Staff give a reason, which everybody reads.
    """
    if not remark.may_be_removed_by(person):
        raise NotAllowed("Only its author or staff can remove a remark.")
    if remark.is_draft:
        LineComment.objects.drafts_of(person).filter(pk=remark.pk).delete()
        return
    pace(person, Event.Verb.REMOVED)
    needed = remark.author_id != person.pk
    reason = prose(reason, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=needed)
    with transaction.atomic():
        blank = {"text": "", "html": "", "suggests": False, "suggestion": "", "removed_at": Now()}
        if not LineComment.objects.standing().filter(pk=remark.pk).update(**blank):
            raise Clash("It is removed already.")
        remark.edits.all().delete()
        _resolve_if_empty(remark, person)
        Event.objects.write(
            Event.Verb.REMOVED, actor=person, contribution=remark.contribution, subject=remark.author, text=reason
        )


def resolve(*, person: Person, thread: LineComment) -> LineComment:
    """Say that a thread needs nothing more."""
    return _turn(person, thread, Event.Verb.RESOLVED, was_open=True, resolved_at=Now(), resolved_by=person)


def reopen(*, person: Person, thread: LineComment) -> LineComment:
    return _turn(person, thread, Event.Verb.REOPENED, was_open=False, resolved_at=None, resolved_by=None)


def _refuse(person: Person, contribution: Contribution) -> None:
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_discussed_by(person):
        raise NotAllowed("Log in to leave remarks; a draft is discussed once it is public.")


def _held(contribution: Contribution, place: Place) -> dict[str, Any]:
    """The columns that hold a remark in its place; raises Invalid when there is no such place."""
    revision = place.revision
    if revision.contribution_id != contribution.pk or not revision.is_received or not contribution.has_patch:
        raise Invalid("There are no lines of this revision to remark on.", field="revision")
    index = file_named(revision, place.path)
    if index is None or len(place.path) > LONGEST_PATH:
        raise Invalid(f"{revision.label} does not touch a file of this name.", field="path")
    if place.side not in Side.values:
        raise Invalid("The side is old or new.", field="side")
    file = revision.files[index]
    held = {"revision": revision, "path": place.path, "old_path": file["old_path"] or place.path}
    return held | {"side": place.side, "start": place.start, "end": place.end} | _quoted(place, index)


def _quoted(place: Place, index: int) -> dict[str, str]:
    if not place.start and not place.end:
        return {"quoted": ""}
    if place.start < 1 or place.end < place.start:
        raise Invalid("The lines are two numbers from 1, the first one first.", field="start")
    if place.end - place.start >= MOST_LINES:
        raise TooLarge(f"A remark may be on {MOST_LINES} lines.", field="end")
    found = anchoring.anchor(text_of(place.revision, index, place.side), place.start, place.end)
    if found is None:
        where = "without the change" if place.side == Side.OLD else f"of {place.revision.label}"
        raise Invalid(f"{place.path} {where} has no such lines that can be shown.", field="start")
    return {name: "\n".join(getattr(found, name)) for name in ("quoted", "before", "after")}


def _suggestion(text: str, place: Place, quoted: str) -> str:
    """What the lines should say, as it was typed; raises Invalid where no lines can be replaced."""
    text = clean(text)
    if place.side != Side.NEW or not place.start:
        raise Invalid("Only lines with the change can be replaced.", field="suggestion")
    if len(text.encode()) > MOST_SUGGESTED:
        raise TooLarge(f"A suggestion may have {MOST_SUGGESTED:,} bytes.", field="suggestion")
    if not all(_can_be_typed(line) for line in quoted.split("\n")):
        raise Invalid("These lines hold characters, or are so long, that a form would lose some.", field="suggestion")
    if anchoring.lines_in(text) == quoted.split("\n"):
        raise Invalid("The suggestion says what the lines say already.", field="suggestion")
    return text


def _can_be_typed(line: str) -> bool:
    """Whether it comes back from a form as it was."""
    odd = any(unicodedata.category(letter) in {"Cc", "Cs"} and letter != "\t" for letter in line)
    return not odd and "\ufffd" not in line and len(line) < anchoring.LONGEST_LINE


def _text(text: str, *, needed: bool) -> str:
    return prose(text, most=settings.MAX_TEXT_BYTES, what="The remark", field="text", needed=needed)


def _kept(author: Person, contribution: Contribution, text: str, *, at_once: bool, **held: Any) -> LineComment:
    html = rendered(text)
    kept = LineComment.objects.drafts_of(author).count()
    if not at_once and kept >= MOST_DRAFTS:
        raise TooMany(f"You keep {kept} drafts; publish or discard some before you write more.", retry_after=60)
    with transaction.atomic():
        made = LineComment.objects.create(
            contribution=contribution, author=author, organisation=author.organisation, text=text, html=html, **held
        )
        if at_once:
            _publish([made], author, contribution, "")
            made.refresh_from_db()
    return made


def _drafts(person: Person, contribution: Contribution) -> QuerySet[LineComment]:
    return LineComment.objects.drafts_of(person).filter(contribution=contribution)


def _publish(drafts: Sequence[LineComment], author: Person, contribution: Contribution, words: str) -> Comment:
    text = words.strip() or _told(drafts)
    made = cover(author=author, contribution=contribution, text=text)
    keys = [draft.pk for draft in drafts]
    LineComment.objects.filter(pk__in=keys).update(published_at=Now(), round=made, organisation=made.organisation)
    return made


def _told(drafts: Sequence[LineComment]) -> str:
    """A round in words, for those who gave it none."""
    answers = sum(1 for draft in drafts if draft.parent_id)
    counted = ((len(drafts) - answers, "remark"), (answers, "answer"))
    words = [f"{count} {noun}{'s' * (count > 1)}" for count, noun in counted if count]
    return f"{' and '.join(words)} on lines."


def _rewrite(person: Person, remark: LineComment, changed: dict[str, str]) -> None:
    """In the transaction: of what is published, the words before are kept and the history told."""
    rows = LineComment.objects.standing().filter(pk=remark.pk)
    before = rows.select_for_update(of=("self",)).first()
    if before is None:
        raise Clash("It is removed already.")
    if before.is_draft:
        rows.update(**changed)
        return
    LineCommentEdit.objects.create(line_comment=before, text=before.text, html=before.html)
    rows.update(**changed, edited_at=Now())
    Event.objects.write(Event.Verb.EDITED, actor=person, contribution=remark.contribution)


def _resolve_if_empty(remark: LineComment, person: Person) -> None:
    """A thread without any words waits for nobody."""
    thread = LineComment.objects.filter(pk=remark.thread_id).unresolved()
    said = LineComment.objects.standing().published().filter(parent=remark.thread_id)
    if thread.exclude(removed_at=None).exists() and not said.exists():
        thread.update(resolved_at=Now(), resolved_by=person)


def _turn(person: Person, thread: LineComment, verb: Event.Verb, *, was_open: bool, **columns: Any) -> LineComment:
    refuse_in_quarantine(person, thread.contribution)
    if not thread.may_be_resolved_by(person):
        raise NotAllowed("A thread is resolved and reopened by who began it, the author, maintainers and staff.")
    pace(person, verb)
    with transaction.atomic():
        rows = LineComment.objects.threads().filter(pk=thread.pk, resolved_at__isnull=was_open)
        if not rows.update(**columns):
            raise Clash("Somebody was first: it is " + ("resolved already." if was_open else "open already."))
        Event.objects.write(
            verb, actor=person, contribution=thread.contribution, revision=thread.revision, text=thread.place
        )
    thread.refresh_from_db()
    return thread
