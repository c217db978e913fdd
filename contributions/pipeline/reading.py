"""Reading: keeps what each contribution can be found by, from its own words to the lines that it adds."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from django.contrib.postgres.search import SearchVector
from django.db import transaction
from django.db.models import Value

from contributions.models import Comment, Contribution, Document, LineComment, Unread, Word
from contributions.wording import added_lines, kept, plain_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import Revision

log = logging.getLogger(__name__)

MOST_AT_ONCE = 5000
# How many words of each part are kept. PostgreSQL counts places up to 16,383; behind that no phrase is found.
TITLE, DESCRIPTION, TALK, CODE = 60, 3000, 4000, 4000
DIFF_LINES = 100_000
TALKS = 400  # the newest comments
SPELLED = 300  # words that are learnt for those who mistype them


def read_waiting(seconds: float) -> int:
    """Read what waits, the longest waiting first, for so long at most; return how many were read.

    One that cannot be read holds up nobody: it is tried again the next time.
    """
    end, done = time.monotonic() + seconds, 0
    for pk in Unread.objects.oldest(MOST_AT_ONCE):
        if time.monotonic() > end:
            break
        try:
            done += read(pk)
        except Exception:  # whatever it is, the next one can be read
            log.exception("The words of contribution %s were not read.", pk)
    return done


def read(pk: int) -> bool:
    """Make the document of a contribution anew if its words changed; False when they did not.

    The document's row is locked, so that of two readers at once the older text cannot stay. What changes while it is
    read leaves a row of its own, and is read again.
    """
    with transaction.atomic():
        Document.objects.bulk_create([Document(contribution_id=pk, words="")], ignore_conflicts=True)
        Document.objects.select_for_update().get(pk=pk)
        waiting = list(Unread.objects.filter(contribution=pk).values_list("pk", flat=True))
        if not waiting:
            return False
        contribution = Contribution.objects.select_related("current__diff").get(pk=pk)
        Document.objects.filter(pk=pk).update(words=_vector(contribution))
        Unread.objects.filter(pk__in=waiting).delete()
    words = plain_words(f"{contribution.title} {contribution.description[: SPELLED * 10]}")
    Word.objects.learn(sorted(words)[:SPELLED])
    return True


def _vector(contribution: Contribution) -> SearchVector:
    revision = contribution.current
    names = contribution.tags.values_list("name", flat=True)
    texts = {
        "A": kept([contribution.title, *names], TITLE),
        "B": kept([contribution.description, revision.text if revision else ""], DESCRIPTION),
        "C": kept(chain(_messages(revision), _talk(contribution)), TALK),
        "D": kept(chain(_paths(revision), _code(revision)), CODE),
    }
    first, *others = (SearchVector(Value(text), weight=w, config="english") for w, text in texts.items())
    return sum(others, first)


def _messages(revision: Revision | None) -> Iterator[str]:
    """A commit is found by its name and its Change-Id as well as by what it says."""
    for commit in revision.commits if revision else []:
        yield f"{commit['sha']} {commit['subject']} {commit['body']}"


def _talk(contribution: Contribution) -> Iterator[str]:
    """What people say of it, the newest first; what was removed is gone, and drafts are nobody else's."""
    remarks = LineComment.objects.filter(contribution=contribution, removed_at=None, published_at__isnull=False)
    comments = Comment.objects.standing().filter(contribution=contribution)
    for rows in (comments, remarks):
        yield from rows.order_by("-pk").values_list("text", flat=True)[:TALKS]


def _paths(revision: Revision | None) -> Iterator[str]:
    for file in revision.files if revision else []:
        yield file["path"]
        if file["old_path"] and file["old_path"] != file["path"]:
            yield file["old_path"]


def _code(revision: Revision | None) -> Iterator[str]:
    if revision is not None and revision.diff is not None:
        with suppress(FileNotFoundError), revision.diff.open() as diff:  # `storage check` tells of a lost file
            yield from added_lines(diff, DIFF_LINES)
