"""Attesting: what the portal knows of a finished build is signed, in the one process that holds the keys."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from contributions.errors import Refusal, Trouble
from contributions.models import Attestation, Blob, Build, Fit, Lock, Release, Revision
from contributions.signing import bills, builds, envelopes, provenance
from contributions.signing.keys import BUILDS

from .keyholding import signer_of, trusted_key
from .leasing import leased
from .locking import lock_build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Assembly

log = logging.getLogger(__name__)


def queue_attestation(build: Build) -> Sequence[Attestation]:
    """One for each passed build that made something, bare ones included; in the transaction of its result."""
    if not build.has_passed or not build.artifacts.exists():
        return []
    sworn, made = Attestation.objects.get_or_create(build=build)
    return [sworn] if made else []


def sign(pk: int) -> None:
    """Sign the row if it waits for that. Without a key it waits on; what two signers write is the same."""
    row: Attestation | None = Attestation.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        try:
            _sign(row)
        except (Trouble, Refusal) as trouble:
            log.warning("%s is not signed: %s", row, trouble.sentence)
            row.put_back(trouble.sentence)


def _sign(row: Attestation) -> None:
    signer = signer_of(BUILDS)
    finished = finished_build(row.build)
    bill = Blob.objects.keep_bytes(bills.bill_of(finished))
    statement = provenance.statement_of(finished, bill.sha256)
    envelope = Blob.objects.keep_bytes(envelopes.seal(statement, provenance.PAYLOAD, signer))
    with transaction.atomic():
        key = trusted_key(BUILDS, signer)
        row.finish(Attestation.State.SIGNED, key=key, provenance=envelope, bill=bill, sentence="")
        lock_build(row.build)


def sign_again() -> int:
    """Queue what is not signed although its build passed, and what a revoked key has signed; how many are queued."""
    with transaction.atomic():
        passed = Build.objects.filter(state=Build.State.PASSED, artifacts__isnull=False, attestation=None).distinct()
        new = [Attestation(build=build) for build in passed.only("pk")]
        Attestation.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)
        failed = Attestation.objects.filter(state=Attestation.State.ERRORED).queue_again()
        return len(new) + failed + Attestation.objects.exclude(key__revoked_at=None).queue_again()


def finished_build(build: Build) -> builds.FinishedBuild:
    """All that the portal knows of the build. Raises Trouble when it is not over or its records are gone."""
    if not build.has_passed or build.started_at is None or build.finished_at is None or build.log_id is None:
        raise Trouble(f"Build {build.pk} has no whole record, so nothing can be sworn about it.")
    return builds.FinishedBuild(
        site=settings.SITE_URL,
        version=settings.VERSION,
        number=build.pk,
        url=_at(build.get_absolute_url()),
        attempt=build.attempts,
        started=build.started_at,
        finished=build.finished_at,
        commit=build.commit,
        upstream=_upstream(build),
        patch=_patch(build.revision) if build.revision else None,
        stack=_stack(build, build.assembly) if build.assembly else None,
        recipe=build.recipe,
        recipe_digest=build.recipe_digest,
        confinement=_confinement(build),
        log_sha256=build.log_id,
        made=tuple(
            builds.Made(made.name, made.sha256, made.size, _at(made.get_absolute_url()))
            for made in build.artifacts.select_related("blob").order_by("name")
        ),
    )


def _upstream(build: Build) -> builds.Upstream:
    release = build.release
    kind = "tags" if release.kind == Release.Kind.TAG else "heads"
    return builds.Upstream(
        component=release.component.slug,
        name=release.component.name,
        url=release.component.upstream_url,
        licence=release.component.licence,
        release=release.name,
        ref=f"refs/{kind}/{release.ref}",
        commit=build.upstream_commit or _upstream_commit(build),
    )


def _upstream_commit(build: Build) -> str:
    """Of a build from before this was recorded: the bare commit itself, or what the fit met when it made the commit."""
    if build.is_bare:
        return build.commit
    fit = Fit.objects.filter(revision=build.revision_id, release=build.release_id, commit=build.commit).first()
    if fit is None:
        raise Trouble(f"It is not on record on which commit of {build.release} build {build.pk} stands.")
    return str(fit.release_commit)


def _patch(revision: Revision) -> builds.Patch:
    contribution = revision.contribution
    patch = reverse("revision-patch", args=[contribution.pk, revision.number])
    if revision.mbox_id is None:
        raise Trouble(f"The patch of {revision} is not on record.")
    return builds.Patch(
        contribution=contribution.pk,
        revision=revision.number,
        title=contribution.title,
        words="\n".join(
            [contribution.description, *(f"{said['subject']}\n{said['body']}" for said in revision.commits)]
        ),
        licence=contribution.licence,
        contribution_url=_at(contribution.get_absolute_url()),
        url=_at(patch),
        sha256=revision.mbox_id,
        tip_commit=revision.tip_commit,
    )


def _stack(build: Build, assembly: Assembly) -> builds.Stack:
    """The first patches of it, as many as are on; the lock is that of the whole."""
    keys = [entry["pk"] for entry in assembly.laid[: build.depth]]
    rows = Revision.objects.select_related("contribution").in_bulk(keys)
    lock = None if build.is_of_a_part else Lock.objects.filter(assembly=assembly).order_by("number").first()
    return builds.Stack(
        name=str(assembly),
        url=_at(assembly.get_absolute_url()),
        lock_sha256=lock.content_id if lock else "",
        patches=tuple(_patch(rows[key]) for key in keys),
    )


def _confinement(build: Build) -> builds.Confinement:
    return builds.Confinement(
        executor=build.executor,
        sandbox=build.sandbox,
        toolchain=build.recipe.get("toolchain", ""),
        toolchain_digest=build.toolchain_digest,
        prepared_digest=build.prepared_digest,
    )


def _at(path: str) -> str:
    return f"{settings.SITE_URL}{path}"
