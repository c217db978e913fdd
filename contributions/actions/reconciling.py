"""Settling conflicts without git: answering place by place, and proposing the port that the worker makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from contributions.checkout.weaving import MOST_TYPED, TEXT, Answer, is_plain, markers_in
from contributions.errors import Clash, Invalid, Missing, NotAllowed, TooLarge
from contributions.models import Event, Fit, Settlement
from contributions.models.work import QUEUED
from contributions.tasks import ring

from .pacing import pace
from .porting import current_of, propose_port, refuse_release
from .quarantining import refuse_in_quarantine
from .sources import PatchFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contributions.models import Contribution, Person, Release, Revision

MOST_OPEN = 20  # settlements of one person
MOST_TEXT = 2_000_000  # characters that one settlement keeps
MOST_ANSWERS = 500  # that are kept of one settlement, those of conflicts that are no more as well
GONE: dict[str, Any] = {"passes": None, "bundle": None, "mbox": None, "diff": None, "commits": [], "files": []}


def settle_conflicts(
    *,
    person: Person,
    contribution: Contribution,
    release: Release,
    answers: Mapping[str, Answer] | None = None,
    seen: str = "",
) -> Settlement:
    """Begin, look again, or answer; the worker goes on once all that is asked at this point is answered.

    `seen` is the digest of what was asked. When something else is asked by now, the answers are kept, what they still
    fit is filled in, and Clash is raised: nobody settles what they have not seen.
    """
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_ported_by(person):
        raise NotAllowed("Sign in to settle conflicts; only of a patch, and not of what is withdrawn.")
    pace(person, Event.Verb.SETTLED)
    refuse_release(contribution, release)
    current = current_of(contribution)
    if not Fit.objects.filter(revision=current, release=release, state=Fit.State.CONFLICTS).exists():
        raise Invalid(f"It is not known to conflict with {release.name}.", field="release")
    given = dict(answers or {})
    for name, answer in given.items():
        _check_text(answer.text, field=f"text-{name}")
    with transaction.atomic():
        row = _row_for(person, contribution, current, release)
        is_other = bool(seen) and (row.is_stale(contribution, release) or row.passes_id != seen)
        if not is_other:
            _check(row, given)
        is_mended = _mends(row, given)
        _keep(row, given)
        if is_other or is_mended or not given or _is_answered(row):
            _lay_again(row)
        things: dict[str, Any] = {"contribution": contribution, "revision": current, "release": release}
        Event.objects.write(Event.Verb.SETTLED, actor=person, **things)
    if is_other:
        raise Clash(f"Something else conflicts with {release.name} by now. What you wrote is kept, and is filled in.")
    return row


def propose_settled(*, person: Person, contribution: Contribution, release: Release, note: str = "") -> Revision:
    """Send what came of the answers as a port; two presses make one."""
    pace(person, Event.Verb.SETTLED)
    row = Settlement.objects.of(person, contribution, release)
    if row is None and (sent := _proposed_before(person, contribution, release)):
        return sent
    if row is None or not row.is_ready or row.bundle is None or row.is_stale(contribution, release):
        raise Clash(f"Nothing is ready for {release.name}, or something else conflicts by now; settle it again.")
    source = PatchFile(ContentFile(row.bundle.read(), name="settled.bundle"))
    once = f"settlement:{row.pk}:{row.bundle.sha256[:16]}"
    with transaction.atomic():
        things: dict[str, Any] = {"contribution": contribution, "release": release}
        port = propose_port(person=person, **things, source=source, note=note, once=once)
        row.move(Settlement.State.PROPOSED, port=port, **GONE)
    return port


def drop_settlement(*, person: Person, contribution: Contribution, release: Release) -> None:
    """Throw one's answers away; a worker that is at it finds that nobody waits for it any more.

    Raises Missing when nothing is open.
    """
    pace(person, Event.Verb.SETTLED)
    with transaction.atomic():
        row = Settlement.objects.of(person, contribution, release)
        if row is None:
            raise Missing(f"You are not settling anything for {release.name}.")
        row.delete()
        Event.objects.write(Event.Verb.SETTLED, actor=person, contribution=contribution, release=release)


def _proposed_before(person: Person, contribution: Contribution, release: Release) -> Revision | None:
    rows = Settlement.objects.filter(person=person, revision=contribution.current_id, release=release)
    found = rows.filter(state=Settlement.State.PROPOSED).select_related("port").order_by("-pk").first()
    return found.port if found else None


def _row_for(person: Person, contribution: Contribution, current: Revision, release: Release) -> Settlement:
    """The open one, locked. What was answered before, of an older revision or for another port, goes on."""
    known = Settlement.objects.of(person, contribution, release)
    row = known and Settlement.objects.select_for_update(of=("self",)).filter(pk=known.pk).open().first()
    if row is not None and not row.is_over:
        raise Clash("The portal is putting your answers in at this moment; look at what comes out first.")
    if row is not None and row.revision_id == current.pk:
        return row
    if row is None and Settlement.objects.open().filter(person=person)[:MOST_OPEN].count() >= MOST_OPEN:
        raise Clash(
            f"You have begun to settle {MOST_OPEN} conflicts; propose one of these ports or throw it away first."
        )
    before = (
        row
        or Settlement.objects.filter(person=person, revision__contribution=contribution, release=release)
        .order_by("-pk")
        .first()
    )
    answers = before.answers if before is not None else {}
    if row is not None:
        row.delete()
    return _begun(person=person, revision=current, release=release, answers=answers)


def _begun(**columns: Any) -> Settlement:
    """A row that no worker was told of yet."""
    try:
        with transaction.atomic():
            return Settlement.objects.create(**columns)
    except IntegrityError:
        raise Clash("You began it at this very moment; look at what comes out.") from None


def _lay_again(row: Settlement) -> None:
    if row.state != QUEUED:
        row.move(QUEUED, attempts=0, rung_at=None, sentence="", finished_at=None)
    ring(row)


def _keep(row: Settlement, given: Mapping[str, Answer]) -> None:
    kept = {**{name: old for name, old in row.answers.items() if name not in given}, **given}
    if sum(len(text) for _, text in kept.values()) > MOST_TEXT:
        raise TooLarge(f"All your texts together have more than {MOST_TEXT:,} characters; that needs git.")
    if len(kept) > MOST_ANSWERS:
        asked = {known["id"] for known in asked_of(row)}
        spare = [name for name in kept if name not in asked and name not in given]
        for name in spare[: len(kept) - MOST_ANSWERS]:
            del kept[name]
    row.answers = {name: list(answer) for name, answer in kept.items()}
    Settlement.objects.filter(pk=row.pk).update(answers=row.answers)


def asked_of(row: Settlement) -> list[dict[str, Any]]:
    """What can be answered: each place, and each file that is chosen as a whole."""
    return [known for one in row.asked for known in _known(one)]


def _known(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [known for file in one["files"] for known in (file, *file["places"]) if known["id"]]


def _mends(row: Settlement, given: Mapping[str, Answer]) -> bool:
    """Whether another answer is given for a commit before the one that is open: what follows may be others then."""
    earlier = {known["id"] for one in row.asked[:-1] for known in _known(one)}
    return any(name in earlier and row.answers.get(name) != [*answer] for name, answer in given.items())


def _is_answered(row: Settlement) -> bool:
    return all(known["id"] in row.answers for known in asked_of(row))


def _check(row: Settlement, given: Mapping[str, Answer]) -> None:
    asked = {known["id"]: known for known in asked_of(row)}
    for name, answer in given.items():
        if name not in asked:
            raise Clash(f"There is no conflict {name[:40]!r} any more; look at what is asked.")
        if answer.choice not in asked[name]["choices"]:
            raise Invalid("Choose one of what is offered here.", field=f"choice-{name}")
        if answer.choice == TEXT:
            _check_markers(answer.text, asked[name]["markers"], field=f"text-{name}")


def _check_text(text: str, *, field: str) -> None:
    size = len(text.encode("utf-8", "replace"))
    if size > MOST_TYPED:
        raise TooLarge(f"The text has {size:,} bytes; {MOST_TYPED:,} is the most for one place.", field=field)
    if not is_plain(text):
        raise Invalid("The text holds control characters, which no page gives back as they were.", field=field)


def _check_markers(text: str, own: list[str], *, field: str) -> None:
    left = [marker for marker in markers_in(text) if marker not in own]
    if left:
        raise Invalid(f"A conflict marker was left in the text: {left[0][:40]}", field=field)
