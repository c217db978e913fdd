"""SLSA provenance v1 of a build, as an in-toto statement v1 (slsa.dev/spec/v1.0/provenance, in-toto/attestation)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from contributions.signing.builds import FinishedBuild

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
LOCK = "patchbay.lock.json"
PAYLOAD = "application/vnd.in-toto+json"


def statement_of(build: FinishedBuild, bill_sha256: str) -> bytes:
    """The statement as JSON; the same build gives the same bytes. It vouches for the bill of materials, too."""
    statement = {
        "_type": STATEMENT,
        "subject": _subject(build),
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": _definition(build), "runDetails": _run(build, bill_sha256)},
    }
    return json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _subject(build: FinishedBuild) -> list[dict[str, Any]]:
    """The files, and of a stack the lock that says what is inside them."""
    named = [(made.name, made.sha256) for made in build.made]
    if build.stack is not None and build.stack.lock_sha256:
        named.append((LOCK, build.stack.lock_sha256))
    return [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in named]


def _definition(build: FinishedBuild) -> dict[str, Any]:
    return {
        "buildType": f"{build.explained_at}#build-type-1",
        "externalParameters": _asked_from_outside(build),
        "internalParameters": _chosen_by_the_portal(build),
        "resolvedDependencies": _materials(build),
    }


def _asked_from_outside(build: FinishedBuild) -> dict[str, Any]:
    """What people chose: the release and, if it is not built bare, the contribution."""
    upstream, patch = build.upstream, build.patch
    asked: dict[str, Any] = {
        "component": upstream.component,
        "upstream": upstream.url,
        "release": upstream.release,
        "ref": upstream.ref,
    }
    if patch is not None:
        asked |= {"contribution": patch.contribution_url, "revision": patch.revision}
    if build.stack is not None:
        asked |= {"stack": build.stack.url}
    return asked


def _chosen_by_the_portal(build: FinishedBuild) -> dict[str, Any]:
    confinement = build.confinement
    known = {
        "recipe": build.recipe,
        "recipeSha256": build.recipe_digest,
        "toolchain": confinement.toolchain,
        "executor": confinement.executor,
        "sandbox": confinement.sandbox,
    }
    return {name: value for name, value in known.items() if value}


def _materials(build: FinishedBuild) -> list[dict[str, Any]]:
    upstream, confinement = build.upstream, build.confinement
    materials: list[dict[str, Any]] = [
        {
            "name": "upstream",
            "uri": f"git+{upstream.url}@{upstream.ref}",
            "digest": {"gitCommit": upstream.commit},
        }
    ]
    materials += [{"name": "patch", "uri": one.url, "digest": {"sha256": one.sha256}} for one in build.patches]
    if build.patches:
        materials.append({"name": "patched release", "digest": {"gitCommit": build.commit}})
    for name, digest in (("toolchain", confinement.toolchain_digest), ("prepared", confinement.prepared_digest)):
        if digest:
            materials.append({"name": name, "digest": {"sha256": digest}})
    return materials


def _run(build: FinishedBuild, bill_sha256: str) -> dict[str, Any]:
    """Each kind of jail is a builder of its own: who trusts the one need not trust the other."""
    executor = build.confinement.executor or "unrecorded"
    version = {"patchbay": build.version}
    if told := build.confinement.sandbox.get("version"):
        version[executor] = str(told)
    return {
        "builder": {"id": f"{build.explained_at}#{executor}", "version": version},
        "metadata": {
            "invocationId": f"{build.url}#attempt-{build.attempt}",
            "startedOn": _moment(build.started),
            "finishedOn": _moment(build.finished),
        },
        "byproducts": [
            {"name": "log", "uri": f"{build.url}log/", "digest": {"sha256": build.log_sha256}},
            {"name": "bill of materials", "uri": f"{build.url}bom.json", "digest": {"sha256": bill_sha256}},
        ],
    }


def _moment(moment: datetime) -> str:
    """An RFC 3339 time in UTC, ending in Z, as in-toto's Timestamp asks."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
