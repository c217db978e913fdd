"""Lock files made by hand, of revisions that a test made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contributions.models import Release, Revision

SITE = "https://patches.example.org"


def entry(revision: Revision, **given: Any) -> dict[str, Any]:
    number = revision.contribution_id
    usual = {
        "contribution": number,
        "revision": revision.number,
        "url": f"{SITE}/contributions/{number}/",
        "title": revision.contribution.title,
        "patch": {"url": f"{SITE}/contributions/{number}/v{revision.number}.patch", "sha256": revision.mbox_id},
        "state": "applied",
        "why": "",
        "commits": ["c" * 40],
        "ports": None,
        "upstream": {"status": "pending", "link": "", "reason": ""},
        "withdrawn": False,
    }
    return usual | given


BARE: dict[str, Any] = {
    "format": "patchbay.lock",
    "version": 1,
    "site": SITE,
    "stack": {"number": 1, "assembly": 1, "name": "What we carry", "url": f"{SITE}/stacks/1/"},
    "component": {
        "slug": "swiftclient",
        "name": "Swiftclient",
        "upstream_url": "https://git.example.org/swiftclient.git",
    },
    "release": {"name": "4.7.0", "ref": "refs/tags/4.7.0"},
    "base_commit": "0" * 40,
    "entries": [],
    "result": {"commit": "a" * 40, "tree": "b" * 40},
    "recipe": None,
    "files": {"mbox": None, "bundle": None},
    "build": None,
}


def lock_on(release: Release, *revisions: Revision, **given: Any) -> dict[str, Any]:
    """A lock of these revisions, in this order, on the release; nothing is built."""
    component = release.component
    of = {"slug": component.slug, "name": component.name, "upstream_url": component.upstream_url}
    on = {"name": release.name, "ref": f"refs/tags/{release.ref}"}
    entries = [entry(revision) for revision in revisions]
    return BARE | {"component": of, "release": on, "base_commit": release.commit, "entries": entries} | given
