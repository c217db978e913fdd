"""The form of a lock file, as a JSON Schema; what is read is held against it, and it is published."""

from __future__ import annotations

from typing import Any

VERSION = 1
MOST_ENTRIES = 200
MOST_COMMITS = 1000
MOST_ARTIFACTS = 1000
BIGGEST = 2**31 - 1

KEY = {"type": "integer", "minimum": 1, "maximum": BIGGEST}
SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
COMMIT = {"type": "string", "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"}
ADDRESS = {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:[!-~]+$", "maxLength": 1000}


def _text(most: int, least: int = 0) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def _object(**fields: Any) -> dict[str, Any]:
    """An object that has each of these fields and no other."""
    return {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}


def _list(of: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": of, "maxItems": most}


def _maybe(what: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [what, {"type": "null"}]}


FILE = _object(sha256=SHA256, size={"type": "integer", "minimum": 0})
ARTIFACT = _object(name=_text(255, 1), sha256=SHA256, size={"type": "integer", "minimum": 0})
ENTRY = _object(
    contribution=KEY,
    revision=KEY,
    url=ADDRESS,
    title=_text(200, 1),
    patch=_object(url=ADDRESS, sha256=SHA256),
    state={"enum": ["applied", "upstream"], "description": "Upstream: the release has it, so nothing was laid on."},
    why=_text(2000),
    commits=_list(COMMIT, MOST_COMMITS),
    ports=_maybe(KEY | {"description": "Of a port: the revision that it brings to the release."}),
    upstream=_object(status=_text(20), link=_text(500), reason=_text(200)),
    withdrawn={"type": "boolean", "description": "When the lock was written."},
)
BUILD = _object(
    number=KEY,
    url=ADDRESS,
    provenance=SHA256 | {"description": "Of the signed statement beside each artifact."},
    artifacts=_list(ARTIFACT, MOST_ARTIFACTS),
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "patchbay.lock.json",
    "description": "What a stack was made of, with sorted keys and two blanks a level: the same lock, the same bytes.",
    **_object(
        format={"const": "patchbay.lock"},
        version={"const": VERSION},
        site=ADDRESS,
        stack=_object(number=KEY, assembly=KEY, name=_text(100, 1), url=ADDRESS),
        component=_object(slug=_text(100, 1), name=_text(200, 1), upstream_url=_text(500, 1)),
        release=_object(name=_text(100, 1), ref=_text(300, 1)),
        base_commit=COMMIT,
        entries=_list(ENTRY, MOST_ENTRIES),
        result=_object(commit=COMMIT, tree=COMMIT),
        recipe=_maybe(SHA256),
        files=_object(mbox=_maybe(FILE), bundle=_maybe(FILE)),
        build=_maybe(BUILD),
    ),
}
