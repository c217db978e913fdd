"""Locking: what a stack was made of is written down once it is laid, and once more when its build is signed.

All that comes out by a lock is made with it and kept, so that the same lock gives the same bytes for ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Max
from django.urls import reverse

from contributions.checkout import bundles, commits
from contributions.locks import canonical, quilt
from contributions.locks.form import VERSION
from contributions.locks.quilting import patch_name
from contributions.models import Blob, Lock, Recipe, Release, Revision, Stack
from contributions.patches import Status, with_header
from contributions.patches.status import fields_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from contributions.models import Assembly, Build

LARGE = ("files", "commits", "fingerprints", "carries", "text", "html", "warnings")
MAIL = b"From %s Mon Sep 17 00:00:00 2001\n"
README = """\
The patches of stack {stack[number]}, assembly {stack[assembly]}.
On {component[name]} {release[name]}, commit {base_commit}, they make the tree {result[tree]}.

    git am patches/*.patch
    quilt push -a

quilt takes no binary changes; git does.
"""


@dataclass(frozen=True)
class Outcome:
    """What git makes of a stack that was laid: a bundle of it, each commit's mail, and the pack of what is new."""

    bundle: bytes = b""
    mails: tuple[tuple[str, bytes], ...] = ()
    pack: bytes = b""
    pack_name: str = ""
    pack_index: bytes = b""

    @property
    def mbox(self) -> bytes:
        return b"".join(mail for _, mail in self.mails)


def outcome_of(mirror: Path, base: str, commit: str) -> Outcome:
    """Ask git, which is done before anything is locked in the database; of nothing nothing comes out."""
    if commit in {"", base}:
        return Outcome()
    bundle = bundles.write_bundle(mirror, base, commit)
    found = commits.mails(mirror, base, commit)
    pack = bundle[bundles.read_header(bundle).pack :]
    return Outcome(bundle, tuple((one.sha, mail) for one, mail in found), pack, *bundles.index_of(pack))


def lock(assembly: Assembly, outcome: Outcome) -> Lock:
    """The first lock, in the transaction in which the assembly gets ready."""
    blobs = {
        name: Blob.objects.keep_bytes(content) if content else None
        for name, content in (("mbox", outcome.mbox), ("pack", outcome.pack), ("pack_index", outcome.pack_index))
    }
    return _written(assembly, None, outcome.mails, pack_name=outcome.pack_name, **blobs)


def lock_build(build: Build) -> Lock | None:
    """The next lock, in the transaction in which a stack's whole build is signed; None for any other build."""
    assembly = build.assembly
    if assembly is None or build.depth != assembly.height or build.repeats_id is not None:
        return None
    first = Lock.objects.filter(assembly=assembly).order_by("number").select_related("mbox", "content").first()
    if first is None:
        return None
    mails = _mails(first.mbox.read() if first.mbox else b"", _commits_in(first))
    kept = {"mbox": first.mbox, "pack": first.pack, "pack_index": first.pack_index, "pack_name": first.pack_name}
    return _written(assembly, build, mails, **kept)


def _written(assembly: Assembly, build: Build | None, mails: Sequence[tuple[str, bytes]], **kept: Any) -> Lock:
    """The same assembly and build are written down once."""
    content = _content(assembly, build, mails, kept["mbox"])
    blob = Blob.objects.keep_bytes(canonical(content))
    stack = Stack.objects.select_for_update(of=("self",)).get(pk=assembly.stack_id)
    known = Lock.objects.filter(assembly=assembly, content=blob).first()
    if known is not None:
        return known
    last = Lock.objects.filter(stack=stack).aggregate(last=Max("number"))["last"] or 0
    packed = Blob.objects.keep_bytes(_quilted(content, mails)) if mails else None
    return Lock.objects.create(
        stack=stack, number=last + 1, assembly=assembly, build=build, content=blob, quilt=packed, **kept
    )


def _content(
    assembly: Assembly, build: Build | None, mails: Sequence[tuple[str, bytes]], mbox: Blob | None
) -> dict[str, Any]:
    stack, release = assembly.stack, assembly.release
    component = release.component
    kind = "tags" if release.kind == Release.Kind.TAG else "heads"
    return {
        "format": "patchbay.lock",
        "version": VERSION,
        "site": settings.SITE_URL,
        "stack": {
            "number": stack.pk, "assembly": assembly.number, "name": stack.name, "url": _at(stack.get_absolute_url()),
        },
        "component": {"slug": component.slug, "name": component.name, "upstream_url": component.upstream_url},
        "release": {"name": release.name, "ref": f"refs/{kind}/{release.ref}"},
        "base_commit": assembly.release_commit,
        "entries": _entries(assembly, [commit for commit, _ in mails]),
        "result": {"commit": assembly.commit, "tree": assembly.tree},
        "recipe": build.recipe_digest if build else _recipe_digest(release),
        "files": {"mbox": _file(mbox), "bundle": _file(assembly.bundle)},
        "build": _build(build) if build else None,
    }  # fmt: skip


def _entries(assembly: Assembly, laid: Sequence[str]) -> list[dict[str, Any]]:
    """Each revision with its own run of the commits; the last one of it is on record."""
    rows = Revision.objects.select_related("contribution", "ports").defer(*LARGE)
    revisions = rows.in_bulk([one["pk"] for one in assembly.order])
    entries, place = [], 0
    for one in assembly.order:
        end = laid.index(one["commit"]) + 1 if one["state"] == "applied" else place
        entries.append(_entry(one, revisions[one["pk"]], list(laid[place:end])))
        place = end
    return entries


def _entry(one: dict[str, Any], revision: Revision, laid: list[str]) -> dict[str, Any]:
    contribution = revision.contribution
    return {
        "contribution": contribution.pk,
        "revision": revision.number,
        "url": _at(contribution.get_absolute_url()),
        "title": contribution.title,
        "patch": {
            "url": _at(reverse("revision-patch", args=[contribution.pk, revision.number])), "sha256": revision.mbox_id,
        },
        "state": one["state"],
        "why": one["why"],
        "commits": laid,
        "ports": revision.ports.number if revision.ports else None,
        "upstream": {
            "status": contribution.upstream_status,
            "link": contribution.upstream_link,
            "reason": contribution.upstream_reason,
        },
        "withdrawn": contribution.is_withdrawn or revision.withdrawn_at is not None,
    }  # fmt: skip


def _build(build: Build) -> dict[str, Any]:
    made = build.artifacts.select_related("blob").order_by("name")
    return {
        "number": build.pk,
        "url": _at(build.get_absolute_url()),
        "provenance": build.provenance_sha256,
        "artifacts": [{"name": file.name, "sha256": file.sha256, "size": file.size} for file in made],
    }


def _recipe_digest(release: Release) -> str | None:
    recipe = Recipe.objects.filter(component=release.component_id).first()
    return recipe.digest if recipe else None


def _file(blob: Blob | None) -> dict[str, Any] | None:
    return {"sha256": blob.sha256, "size": blob.size} if blob else None


def _quilted(content: dict[str, Any], mails: Sequence[tuple[str, bytes]]) -> bytes:
    whose = {commit: entry for entry in content["entries"] for commit in entry["commits"]}
    named = []
    for place, (commit, mail) in enumerate(mails, 1):
        entry = whose[commit]
        name = patch_name(place, entry["contribution"], entry["revision"], entry["title"])
        named.append((name, _told(mail, entry)))
    return quilt(named, README.format(**content))


def _told(mail: bytes, entry: dict[str, Any]) -> bytes:
    """With what DEP-3 and Yocto ask for in its header, as it stands in the lock."""
    told = entry["upstream"]
    status = Status(told["status"], told["link"], told["reason"])
    return with_header(mail, {"Origin": f"other, {entry['patch']['url']}", **fields_of(status)})


def _commits_in(first: Lock) -> list[str]:
    return [commit for entry in json.loads(first.content.read())["entries"] for commit in entry["commits"]]


def _mails(mbox: bytes, names: Sequence[str]) -> list[tuple[str, bytes]]:
    """The mailbox taken apart again at the lines by which each mail names its commit."""
    starts = [mbox.index(MAIL % name.encode()) for name in names]
    ends = [*starts[1:], len(mbox)]
    return [(name, mbox[start:end]) for name, start, end in zip(names, starts, ends, strict=True)]


def _at(path: str) -> str:
    return f"{settings.SITE_URL}{path}"
