"""A customer's fork: have it taken apart, look through what was drafted of it, publish that, or throw it away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from contributions.checkout import addresses, bundles
from contributions.errors import Clash, Invalid, NotAllowed, TooMany
from contributions.models import (
    Blob,
    Carried,
    Claim,
    Contribution,
    Document,
    Event,
    Fit,
    Fork,
    Place,
    Revision,
    Standing,
    Touch,
)
from contributions.models.contribution import TITLE_LENGTH
from contributions.models.work import QUEUED, RUNNING
from contributions.pipeline.drafting import draft
from contributions.pipeline.unmasking import MOST_PATCHES as MOST_PATCHES
from contributions.tasks import ring, ring_for_fork

from .pacing import pace
from .submitting import KEY
from .words import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from contributions.models import Component, Person

    from .sources import Upload

FORKS_A_DAY = 20
DAY = timedelta(days=1)
HEAD = 4 << 20  # bytes that hold the header of any bundle that is meant well
State, Verb = Fork.State, Event.Verb


def unmask(
    *, person: Person, component: Component, git_url: str = "", git_ref: str = "", bundle: Upload | None = None,
    once: str = "",
) -> Fork:  # fmt: skip
    """Have a fork taken apart for the organisation that the person speaks for; nobody else hears of it.

    Either `git_url`, with a branch or without, or a git bundle. `once` is a key of the sender's making: the same key
    again gives what was made then.
    """
    if earlier := _sent_once(person, once):
        if (earlier.component_id, earlier.git_url, earlier.git_ref) != (component.pk, git_url, git_ref):
            raise Clash("This key or form was used for another fork; begin with a new one.")
        return earlier
    pace(person, Verb.UNMASKED)
    if bool(git_url) == (bundle is not None):
        raise Invalid("Give the address of your fork, or a git bundle of it.", field="git_url")
    if git_ref:
        addresses.check_ref(git_ref)
    if git_url:
        addresses.check_url(git_url, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    _refuse_too_many(person)
    raw = _kept(bundle) if bundle else None
    try:
        with transaction.atomic():
            fork = Fork.objects.create(
                component=component, organisation=person.organisation, author=person, git_url=git_url, git_ref=git_ref,
                raw=raw, once=once,
            )  # fmt: skip
            _note(person, fork)
            ring(fork)
    except IntegrityError:
        raise Clash("The same is being sent at this moment; ask again.") from None
    return fork


def _sent_once(person: Person, key: str) -> Fork | None:
    if not key:
        return None
    if not KEY.fullmatch(key):
        raise Invalid("An idempotency key has 1 to 100 letters, digits, dots, colons, hyphens or underscores.")
    found: Fork | None = Fork.objects.filter(author=person, once=key).first()
    return found


def _refuse_too_many(person: Person) -> None:
    recent = Fork.objects.filter(author=person, created_at__gt=Now() - DAY)
    if recent.count() >= FORKS_A_DAY:
        raise TooMany(
            f"You had {FORKS_A_DAY} forks taken apart within a day; that is the most.", retry_after=DAY.seconds or 3600
        )
    if recent.filter(state__in=[QUEUED, RUNNING]).exists():
        raise Clash("A fork of yours is being taken apart; wait for it, or cancel it.")


def _kept(bundle: Upload) -> Blob:
    blob = Blob.objects.keep(bundle.chunks(), most=settings.MAX_FORK_BYTES, what="The bundle")
    with blob.open() as content:
        bundles.read_header(content.read(HEAD))
    return blob


def cancel(*, person: Person, fork: Fork) -> Fork:
    """Stop taking it apart; what was drafted by then stays, until it is discarded."""
    if not fork.may_be_cancelled_by(person):
        raise NotAllowed("Only its author or an owner of the organisation can cancel it, and only while it goes on.")
    pace(person, Verb.UNMASKED)
    with transaction.atomic():
        fork.move(State.CANCELLED, lease=None, lease_until=None, finished_at=Now(), step="")
        _note(person, fork, "Cancelled")
    return fork


def retitle(*, person: Person, carried: Carried, title: str) -> Carried:
    """Give a draft another title before it is public."""
    _refuse_others(person, carried)
    pace(person, Verb.UNMASKED)
    title = one_line(title, most=TITLE_LENGTH, what="The title", field="title")
    with transaction.atomic():
        changed = Contribution.objects.filter(carried=carried, is_draft=True).exclude(
            state=Contribution.State.WITHDRAWN
        )
        if carried.state != Carried.State.DRAFTED or not changed.update(title=title):
            raise Clash("It is no draft any more.")
        Carried.objects.filter(pk=carried.pk).update(title=title)
        Event.objects.write(Verb.UNMASKED, actor=person, contribution=carried.contribution, text="Retitled")
    carried.refresh_from_db()
    return carried


def leave_out(*, person: Person, carried: Carried) -> Carried:
    """Throw a draft away. The patch stays in the list, and can be drafted again until the fork is discarded."""
    _refuse_others(person, carried)
    pace(person, Verb.UNMASKED)
    with transaction.atomic():
        locked = Carried.objects.select_for_update(of=("self",)).select_related("contribution").get(pk=carried.pk)
        if not locked.is_draft:
            raise Clash("It is no draft any more.")
        _let_go(Contribution.objects.filter(carried=locked))
        locked.state, locked.contribution, locked.asked_at = Carried.State.LEFT_OUT, None, None
        locked.sentence = "You left it out."
        locked.save()
        _note(person, carried.fork, f"Left out patch {locked.position}")
    return locked


def draft_all_the_same(*, person: Person, carried: Carried) -> Carried:
    """Draft what was left out, or what upstream is said to have."""
    _refuse_others(person, carried)
    pace(person, Verb.UNMASKED)
    with transaction.atomic():
        locked = Carried.objects.select_for_update(of=("self",)).select_related("fork__component").get(pk=carried.pk)
        if not locked.may_be_drafted or locked.fork.release_id is None:
            raise Clash("There is nothing of it that could be drafted.")
        revision = draft(locked)
        locked.save()
        ring(revision)
    return locked


def publish(*, person: Person, fork: Fork, positions: Sequence[int] | None = None) -> int:
    """Ask for drafts to be made public, all of them or those at `positions`; answers how many.

    A worker does it one by one, the earlier ones first. What is like something else stays a draft and says so.
    """
    if not fork.may_be_published_by(person):
        raise NotAllowed("Only its author can make a draft public.")
    pace(person, Verb.SHARED)
    free = Q(contribution__quarantined_at=None) & ~Q(contribution__state=Contribution.State.WITHDRAWN)
    drafts = fork.carried.filter(free, state=Carried.State.DRAFTED, contribution__is_draft=True, asked_at=None)
    chosen = drafts if positions is None else drafts.filter(position__in=positions)
    with transaction.atomic():
        keys = list(chosen.exclude(contribution__current=None).values_list("pk", flat=True))
        if not keys:
            raise Clash("None of these is a draft that could be published; what is not received yet has to wait.")
        asked = fork.carried.filter(pk__in=keys, asked_at=None, state=Carried.State.DRAFTED).update(asked_at=Now())
        _note(person, fork, f"Asked to publish {asked} drafts")
        ring_for_fork(fork)
    return asked


def discard(*, person: Person, fork: Fork) -> Fork:
    """Throw away what is known of the fork and every draft of it; what was published stays."""
    if not fork.may_be_discarded_by(person):
        raise NotAllowed("Only its author or an owner of the organisation can discard it, and only once it is over.")
    pace(person, Verb.UNMASKED)
    with transaction.atomic():
        fork.move(
            State.DISCARDED,
            git_url="",
            git_ref="",
            raw=None,
            tip_commit="",
            note="",
            sentence="",
            step="",
            release=None,
        )
        rows = fork.carried.filter(state=Carried.State.DRAFTED, contribution__is_draft=True)
        _let_go(Contribution.objects.filter(pk__in=list(rows.values_list("contribution", flat=True))))
        fork.carried.all().delete()
        _note(person, fork, "Discarded")
    return fork


def _let_go(drafts: QuerySet[Contribution]) -> None:
    """Nothing is left of the drafts but their numbers, which the history names: no word and no byte.

    A worker that receives or judges one of them just now loses its lease, and its result is dropped.
    """
    keys = list(drafts.filter(is_draft=True).select_for_update(of=("self",)).values_list("pk", flat=True))
    Revision.objects.filter(contribution__in=keys, state__in=[QUEUED, RUNNING]).update(
        state=Revision.State.REFUSED, lease=None, lease_until=None
    )
    Fit.objects.filter(revision__contribution__in=keys).delete()
    for model in (Touch, Place, Claim, Standing, Document):
        model.objects.filter(contribution__in=keys).delete()
    Revision.objects.filter(contribution__in=keys).update(
        raw=None, bundle=None, mbox=None, diff=None, sides=None, commits=[], files=[], fingerprint="", fingerprints={},
        warnings=[], licences=[], filename="", sentence="", base_commit="", tip_commit="",
    )  # fmt: skip
    Contribution.objects.filter(pk__in=keys).update(
        state=Contribution.State.WITHDRAWN, current=None, title="A draft that was thrown away", description="",
        description_html="", upstream_link="", upstream_reason="", is_internal=False, settles_at=None,
    )  # fmt: skip


def _refuse_others(person: Person, carried: Carried) -> None:
    if not carried.fork.may_be_published_by(person):
        raise NotAllowed("Only whoever had the fork taken apart decides about its drafts.")


def _note(person: Person, fork: Fork, text: str = "") -> None:
    Event.objects.write(
        Verb.UNMASKED, actor=person, component=fork.component, organisation=fork.organisation, text=text
    )
