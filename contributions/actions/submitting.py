"""Sharing something: a new contribution, or a new revision of one. Stores the bytes and one row, answers at once."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Now

from contributions import rules
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Revision, Standing
from contributions.models.contribution import TITLE_LENGTH
from contributions.pipeline.unveiling import PATIENCE
from contributions.tasks import ring

from .claiming import claimed, write_claims
from .pacing import pace
from .quarantining import refuse_in_quarantine
from .rendering import rendered
from .sources import ArtifactFile, revision_claimed
from .words import one_line, prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.models import Component, Person, Release

    from .sources import Source

Made = TypeVar("Made", Contribution, Revision)
KEY = re.compile(r"[A-Za-z0-9._:-]{1,100}")
CONTENT = frozenset({"source", "raw", "git_url", "git_ref"})
ONCE = "one_revision_of_a_sender_and_key"
WANTED = {
    Contribution.Kind.REFINEMENT: "a patch file, or a git URL and a ref",
    Contribution.Kind.IMPROVEMENT: "a patch file, or a git URL and a ref",
    Contribution.Kind.EXECUTABLE: "an artifact file",
    Contribution.Kind.EXPERIENCE: "a description and no file",
}


def submit(
    *,
    author: Person,
    component: Component,
    kind: str,
    title: str,
    release: Release | None,
    source: Source,
    description: str = "",
    fixes: str = "",
    tests: str = "",
    licence: str = "",
    once: str = "",
    holds_for: Sequence[Release] = (),
    hold: bool = False,
) -> Contribution:
    """Share something new. The worker receives it next. Its licence is the component's own unless one is named.

    `fixes` and `tests` are what it claims, one a line.
    With `hold` it is a draft: public by itself when nothing is like it, else when its author says so.
    Of an experience the description is the note itself, and `holds_for` are the releases where it is true.
    `once` is a key of the sender's making: the same key again gives what was made then. Raises Clash when that was
    something else.
    """
    title = one_line(title, most=TITLE_LENGTH, what="The title", field="title")
    if earlier := sent_once(author, once):
        return as_sent_before(earlier, earlier.contribution, source, component=component, kind=kind, title=title)
    pace(author, Event.Verb.SUBMITTED)
    _refuse_mismatch(component, kind, release, source)
    _refuse_releases(component, kind, holds_for)
    _refuse_licence(component, licence)
    description = prose(description, most=settings.MAX_TEXT_BYTES, what="The description", field="description")
    claims = claimed(fixes, tests)
    built_from = _claimed(source, component, author)
    stored = source.stored() | built_from
    html = stored.get("html") or rendered(description)
    with made_once(), transaction.atomic():
        contribution = Contribution.objects.create(
            component=component,
            kind=kind,
            title=title,
            description=description,
            description_html=html,
            author=author,
            organisation=author.organisation,
            release=release,
            licence=licence,
            is_draft=hold,
            shares_at=Now() + PATIENCE if hold else None,
        )
        contribution.holds_for.set(holds_for)
        write_claims(contribution, claims)
        revision = Revision.objects.create(
            contribution=contribution, number=1, submitted_by=author, release=release, once=once, **stored
        )
        Event.objects.write(Event.Verb.SUBMITTED, actor=author, contribution=contribution, revision=revision)
        Standing.objects.recompute(contribution)
        ring(revision)
    return contribution


def revise(
    *,
    author: Person,
    contribution: Contribution,
    source: Source,
    note: str = "",
    release: Release | None = None,
    once: str = "",
    holds_for: Sequence[Release] | None = None,
) -> Revision:
    """Send v2, v3, ... of one's own contribution; once it is received, approvals of other content are asked for again.

    `once` as in `submit`; `holds_for` too, and as it was when it is None.
    """
    if earlier := sent_once(author, once):
        return as_sent_before(earlier, earlier, source, contribution=contribution)
    if not contribution.is_draft:
        refuse_in_quarantine(author, contribution)
    if not contribution.may_be_revised_by(author):
        raise NotAllowed("Only its author can revise a contribution, and only until it is withdrawn.")
    pace(author, Event.Verb.REVISED)
    release = release or contribution.release
    _refuse_mismatch(contribution.component, contribution.kind, release, source)
    _refuse_releases(contribution.component, contribution.kind, holds_for or ())
    note = prose(note, most=settings.MAX_TEXT_BYTES, what="The note", field="note")
    claimed = _claimed(source, contribution.component, author)
    stored = source.stored() | claimed
    with made_once(), transaction.atomic():
        revision = next_revision(contribution, submitted_by=author, note=note, release=release, once=once, **stored)
        if holds_for is not None:
            contribution.holds_for.set(holds_for)
        Event.objects.write(Event.Verb.REVISED, actor=author, contribution=contribution, revision=revision)
        Standing.objects.recompute(contribution)
        ring(revision)
    return revision


def next_revision(contribution: Contribution, **columns: object) -> Revision:
    """The row with the next number, in the caller's transaction, which holds the contribution's lock from here on."""
    Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
    number = (contribution.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    try:
        return Revision.objects.create(contribution=contribution, number=number, **columns)
    except IntegrityError as error:
        if ONCE in str(error):
            raise
        raise Clash(f"v{number} was sent at the same moment; send yours again.") from None


def sent_once(author: Person, key: str) -> Revision | None:
    """What this person has sent with this key before."""
    if not key:
        return None
    if not KEY.fullmatch(key):
        raise Invalid("An idempotency key has 1 to 100 letters, digits, dots, colons, hyphens or underscores.")
    return Revision.objects.select_related("contribution").filter(submitted_by=author, once=key).first()


def as_sent_before(earlier: Revision, made: Made, source: Source, **claimed: object) -> Made:
    """What was made then, if it is what is sent now."""
    sent = source.stored()
    as_then = all(getattr(earlier, name) == value for name, value in sent.items() if name in CONTENT)
    if not as_then or any(getattr(made, name) != value for name, value in claimed.items()):
        raise Clash(f"This key or form was used for {earlier}; to share something else, begin with a new one.")
    return made


@contextmanager
def made_once() -> Iterator[None]:
    """Of two requests with one key at once the second is asked to come again; it then finds what was made."""
    try:
        yield
    except IntegrityError as error:
        if ONCE not in str(error):
            raise
        raise Clash("The same is being sent at this moment; ask again.") from None


def _claimed(source: Source, component: Component, author: Person) -> dict[str, Revision | None]:
    """What an executable says it was built from, found before its bytes are stored."""
    if not isinstance(source, ArtifactFile):
        return {}
    return {"claims": revision_claimed(source.claims, component=component, person=author)}


def _refuse_mismatch(component: Component, kind: str, release: Release | None, source: Source) -> None:
    if kind not in Contribution.Kind.values:
        raise Invalid("The kind is one of " + ", ".join(Contribution.Kind.values) + ".", field="kind")
    chosen = Contribution.Kind(kind)
    if kind not in source.kinds:
        raise Invalid(f"{_article(str(chosen.label))} needs {WANTED[chosen]}.", field="kind")
    if release is not None and release.component_id != component.pk:
        raise Invalid(f"{release.name} is not a release of {component.name}.", field="release")
    if release is None and chosen is not Contribution.Kind.EXPERIENCE:
        raise Invalid("Choose the release that it was made for.", field="release")


def _refuse_releases(component: Component, kind: str, holds_for: Sequence[Release]) -> None:
    if holds_for and kind != Contribution.Kind.EXPERIENCE:
        raise Invalid("Only an experience names the releases it holds for; a patch is tried on all.", field="holds_for")
    for release in holds_for:
        if release.component_id != component.pk:
            raise Invalid(f"{release.name} is not a release of {component.name}.", field="holds_for")


def _refuse_licence(component: Component, licence: str) -> None:
    if licence and not rules.is_expression(licence):
        raise Invalid("A licence is an SPDX expression of at most 60 characters, such as MIT.", field="licence")
    taken = component.rules.licences
    if licence and taken and not rules.permits(taken, licence):
        raise Invalid(f"{component.name} takes work under {rules.either(taken)}, not {licence}.", field="licence")


def _article(noun: str) -> str:
    return f"{'An' if noun[0] in 'AEIOU' else 'A'} {noun.lower()}"
