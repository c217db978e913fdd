"""Comments as a tree: what was said, and beneath it what was answered. Written as strings: templates are slow here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from contributions.markup import reveal

from .marks import icon, state, when

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contributions.models import Comment, Contribution

DEEPEST = 6  # deeper answers stand beside their parent: a narrow screen has no room for more
FOLDED_DEPTH = 4  # from here on answers are folded until somebody opens them
FOLDED_BALANCE = -3  # so are comments that so many more voted down than up
MOST_LINES = 20  # of a round of remarks, shown beneath its comment


@dataclass
class Remark:
    """A comment with its answers; `depth` 0 is the top."""

    comment: Comment
    depth: int
    answers: list[Remark] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many answers stand beneath it, at any depth."""
        return sum(1 + answer.size for answer in self.answers)


def threaded(comments: Iterable[Comment], *, best_first: bool = False) -> list[Remark]:
    """The top remarks; among siblings the accepted answer first, then the oldest or the best.

    A parent is older than its answers, so one pass is enough; one whose parent is not among them stands at the top.
    """
    top: list[Remark] = []
    known: dict[int, Remark] = {}
    home: dict[int, list[Remark]] = {}
    for comment in comments:
        parent = known.get(comment.parent_id or 0)
        depth = min(parent.depth + 1, DEEPEST) if parent else 0
        remark = Remark(comment, depth)
        siblings = top if parent is None else home[parent.comment.pk] if parent.depth == DEEPEST else parent.answers
        siblings.append(remark)
        known[comment.pk], home[comment.pk] = remark, siblings
    for siblings in [top, *(remark.answers for remark in known.values() if remark.answers)]:
        siblings.sort(key=lambda remark: _place(remark.comment, best_first=best_first))
    return top


def _place(comment: Comment, *, best_first: bool) -> tuple[bool, int, int]:
    return (not comment.is_accepted, -comment.balance if best_first else 0, comment.pk)


@dataclass(frozen=True)
class Reader:
    """Who reads a thread, and what of it: what the rows depend on beside the comments."""

    contribution: Contribution
    person: Any
    query: str = ""  # of the page's address, to be kept by its links
    token: str = ""  # the browser's secret; empty for those who may not act
    votes: Mapping[int, int] = field(default_factory=dict)
    lines: Mapping[int, Sequence[Any]] = field(default_factory=dict)
    way: frozenset[int] = frozenset()  # what leads to the comment that the address names: none of it is folded
    form: Mapping[int, SafeString] = field(default_factory=dict)  # beneath the comment that is being answered
    may_settle: bool = False

    def link(self, name: str, comment: int) -> str:
        return f"?{self.query}{name}={comment}"


def written(remarks: Sequence[Remark], reader: Reader) -> SafeString:
    """The thread as an ordered list; comment.html was cleaned when it was written, all else is escaped here."""
    rows = "".join(_row(remark, reader, asked=None) for remark in remarks)
    return mark_safe(f'<ol class="thread">{rows}</ol>')  # noqa: S308 - as said above


def _row(remark: Remark, reader: Reader, *, asked: Comment | None) -> str:
    comment = remark.comment
    answers = "".join(_row(answer, reader, asked=comment) for answer in remark.answers)
    mark = ' data-state="accepted"' if _is_answer(comment) else ""
    return (
        f'<li class="remark-item" id="comment-{comment.pk}"{mark}>'
        f"<details{'' if _is_folded(remark, reader) else ' open'}>{_head(remark)}{_words(comment, reader)}"
        f'<div class="remark-acts">{_acts(comment, reader, asked)}</div>{reader.form.get(comment.pk, "")}'
        + (f'<ol class="thread">{answers}</ol>' if answers else "")
        + "</details></li>"
    )


def _is_answer(comment: Comment) -> bool:
    """Whether it stands as the answer to the question above it."""
    return comment.is_accepted and comment.removed_at is None


def _is_folded(remark: Remark, reader: Reader) -> bool:
    if remark.comment.pk in reader.way or remark.comment.is_accepted:
        return False
    return remark.depth == FOLDED_DEPTH or remark.comment.balance <= FOLDED_BALANCE


def _head(remark: Remark) -> str:
    comment: Any = remark.comment
    organisation = f", {_shown(comment.organisation_name)}" if comment.organisation_name else ""
    facts = [when(comment.created_at) + (f" on v{comment.revision_number}" if comment.revision_number else "")]
    if comment.is_question:
        answered = any(_is_answer(answer.comment) for answer in remark.answers)
        facts.append(state("approved", "answered") if answered else state("open", "open question"))
    if _is_answer(comment):
        facts.append(state("approved", "accepted answer"))
    told = f'<span class="facts">{" · ".join(facts)}{_size(remark.size)}</span>'
    return f"<summary><b>{_name(comment)}</b>{organisation} {told}</summary>"


def _size(size: int) -> str:
    """How much a folded comment hides; the style sheet shows it only then."""
    return f'<span class="remark-size"> · {size} answer{"" if size == 1 else "s"}</span>' if size else ""


def _name(comment: Any) -> str:
    return _shown(comment.author_name or comment.author_username)


def _shown(text: str) -> str:
    return escape(reveal(text))


def _words(comment: Comment, reader: Reader) -> str:
    if comment.removed_at is not None:
        return '<p class="empty">Removed.</p>'
    return f'<div class="prose">{comment.html}</div>{_lines(reader.lines.get(comment.pk, ()))}'


def _lines(lines: Sequence[Any]) -> str:
    """The lines that a round of remarks is about."""
    if not lines:
        return ""
    links = "".join(
        f'<li><a href="{escape(line.get_absolute_url())}">{_shown(line.place)}</a></li>' for line in lines[:MOST_LINES]
    )
    more = f"<li>and {len(lines) - MOST_LINES} more</li>" if len(lines) > MOST_LINES else ""
    return f'<ul class="remark-lines">{links}{more}</ul>'


def _acts(comment: Comment, reader: Reader, asked: Comment | None) -> str:
    pk, person = comment.pk, reader.person
    acts: list[str] = [votes_of(comment, reader.votes.get(pk, 0), may_vote=_may_vote(comment, reader))]
    acts.append(f'<a href="?comment={pk}#comment-{pk}">Link</a>')
    if reader.token and comment.removed_at is None:
        acts.append(f'<a href="{reader.link("answer", pk)}#say" data-answer="{pk}">Answer</a>')
        acts.append(f'<a href="{reader.link("quote", pk)}#say" data-quote="{pk}">Quote</a>')
    if comment.edited_at is not None and comment.removed_at is None:
        acts.append(f'<a href="/comments/{pk}/history/">Edited {when(comment.edited_at)}</a>')
    if reader.token and asked is not None and comment.removed_at is None:
        acts.append(_accepting(comment, reader, asked))
    if comment.may_be_edited_by(person):
        acts.append(f'<a href="/comments/{pk}/edit/">Edit</a>{_button(pk, "remove", "Remove")}')
    elif person.is_authenticated and comment.removed_at is None:
        acts.append(f'<a href="/comments/{pk}/flag/">Flag</a>')
        acts.append(_removing(pk, reader) if comment.may_be_removed_by(person) else "")
    return " ".join(filter(None, acts))


def _may_vote(comment: Comment, reader: Reader) -> bool:
    return bool(reader.token) and comment.may_be_voted_on_by(reader.person)


def votes_of(comment: Comment, own: int, *, may_vote: bool) -> SafeString:
    """The balance of a comment between two buttons; they belong to the form with the id "acts"."""
    balance = f"{comment.balance:+d}" if comment.balance else "0"
    if not may_vote:
        tally = f'<span class="unseen">Votes: </span>{balance}'
        words = f'<span class="remark-votes">{tally}</span>' if comment.balance else ""
        return mark_safe(words)  # noqa: S308 - a number
    up, down = (_vote(comment.pk, value, word, own) for value, word in ((1, "up"), (-1, "down")))
    return mark_safe(f'<span class="remark-votes">{up}<span class="unseen">Votes: </span>{balance}{down}</span>')  # noqa: S308 - numbers and our own words


def _vote(pk: int, value: int, word: str, own: int) -> str:
    pressed = own == value
    return (
        f'<button form="acts" formaction="/comments/{pk}/vote/" name="value" value="{0 if pressed else value}"'
        f' aria-pressed="{"true" if pressed else "false"}"><span class="unseen">Vote {word}</span>'
        f"{icon(f'arrow-{word}')}</button>"
    )


def _button(pk: int, act: str, words: str) -> str:
    return f' <button class="link" form="acts" formaction="/comments/{pk}/{act}/">{words}</button>'


def _accepting(comment: Comment, reader: Reader, asked: Comment) -> str:
    if not asked.is_question or asked.removed_at is not None:
        return ""
    if not reader.may_settle and asked.author_id != reader.person.pk:
        return ""
    if comment.is_accepted:
        return _button(comment.pk, "take-back", "Take back as the answer")
    return _button(comment.pk, "accept", "Accept as the answer")


def _removing(pk: int, reader: Reader) -> str:
    """Staff say why they remove what others wrote."""
    return (
        f'<details class="answer"><summary>Remove</summary><form method="post" action="/comments/{pk}/remove/">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{reader.token}">'
        f'<label for="remove-{pk}">Why (everybody reads it)</label>'
        f'<textarea id="remove-{pk}" name="reason" rows="2" required></textarea>'
        '<button class="button button-small button-danger">Remove</button></form></details>'
    )
