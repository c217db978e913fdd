"""Asking for a stack to be checked, laid onto its release, and built."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max

from contributions.errors import Clash, NotAllowed
from contributions.models import Assembly, Event, Stack
from contributions.models.planning import Plan
from contributions.models.work import QUEUED
from contributions.pipeline.culprits import queue_stack_build
from contributions.tasks import ring

from .pacing import pace

if TYPE_CHECKING:
    from contributions.models import Build, Person

ONCE_MORE = (Assembly.State.ERRORED, Assembly.State.REFUSED)


def assemble(*, person: Person, stack: Stack, build: bool = True) -> Assembly:
    """Check and lay what it holds now; the same patches on the same commit are laid once, whoever asks how often.

    With `build` it is built as soon as it is ready. Raises Clash with what stands in the way.
    """
    _refuse(person, stack)
    pace(person, Event.Verb.LOCKED)
    with transaction.atomic():
        now = Stack.objects.select_for_update(of=("self",)).select_related("component", "release").get(pk=stack.pk)
        if now.is_archived:
            raise Clash("It is archived; take it out of the archive first.")
        plan = Plan(now, person)
        if plan.hurdles:
            raise Clash(" ".join(plan.hurdles))
        asked, digest = plan.asked(), _digest(now, plan.asked())
        row = now.assemblies.filter(digest=digest).first()
        if row is None:
            row = _made(person, now, asked, digest, build=build)
        else:
            _taken_up(row, build=build)
            _write(person, row, "asked for it again")
    return row


def build_assembly(*, person: Person, assembly: Assembly) -> Build:
    """Build what is laid, by the recipe as it is now; what was built so already is not built again."""
    _refuse(person, assembly.stack)
    pace(person, Event.Verb.LOCKED)
    with transaction.atomic():
        row = Assembly.objects.select_for_update(of=("self",)).get(pk=assembly.pk)
        if not row.is_ready or not row.height:
            raise Clash("Only what is laid can be built, and there must be something that the release has not.")
        refuse_taken_back(row)
        build = queue_stack_build(row, row.height)
        if build is None:
            raise Clash(f"{assembly.stack.component.name} has no recipe yet, so nothing can be built.")
        if not build.is_over:
            ring(build)
        _write(person, row, "asked for its build")
    return build


def _refuse(person: Person, stack: Stack) -> None:
    if not person.is_authenticated or not stack.may_be_changed_by(person):
        raise NotAllowed("Only those who carry a stack have it laid and built; copy it to have one of your own.")


def refuse_taken_back(row: Assembly) -> None:
    for contribution in row.contributions.order_by("pk"):
        if contribution.is_withdrawn or contribution.is_quarantined:
            word = "withdrawn" if contribution.is_withdrawn else "in quarantine"
            raise Clash(f"#{contribution.pk} is {word}: nothing with it in it is built.")


def _digest(stack: Stack, asked: list[dict[str, Any]]) -> str:
    told = [stack.release_id, stack.release.commit, [[one["pk"], one["needs"]] for one in asked]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _made(person: Person, stack: Stack, asked: list[dict[str, Any]], digest: str, *, build: bool) -> Assembly:
    last = stack.assemblies.aggregate(last=Max("number"))["last"] or 0
    row = Assembly.objects.create(
        stack=stack,
        number=last + 1,
        release=stack.release,
        release_commit=stack.release.commit,
        asked=asked,
        digest=digest,
        asked_by=person,
        is_to_build=build,
    )
    row.contributions.set([one["contribution"] for one in asked])
    _write(person, row, "asked for it")
    ring(row)
    return row


def _taken_up(row: Assembly, *, build: bool) -> None:
    """One that is there: tried again if our side gave up on it or what refused it is gone, and built if it is to be."""
    if build and not row.is_to_build:
        Assembly.objects.filter(pk=row.pk).update(is_to_build=True)
    if row.state in ONCE_MORE:
        row.move(QUEUED, attempts=0, sentence="", rung_at=None, finished_at=None)
        ring(row)
    elif build and row.is_ready and row.height:
        wanted = queue_stack_build(row, row.height)
        if wanted is not None and not wanted.is_over:
            ring(wanted)


def _write(person: Person, row: Assembly, text: str) -> None:
    about = {"stack": row.stack, "component": row.stack.component, "release": row.release}
    Event.objects.write(Event.Verb.LOCKED, actor=person, **about, text=f"{row.number}: {text}")
