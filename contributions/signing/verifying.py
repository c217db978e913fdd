"""Checking a file against its signed provenance, and saying in sentences what that proves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contributions.errors import Invalid, NotAllowed

from .envelopes import signers_of, unseal
from .keys import BUILDS
from .provenance import PAYLOAD, PREDICATE, STATEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .keys import PublicKey


@dataclass(frozen=True)
class Proof:
    """What holds of the file: each sentence stands in the signed statement; `keyid` signed it."""

    keyid: str
    sentences: tuple[str, ...]


def prove(sha256: str, envelope: bytes, keys: Sequence[PublicKey]) -> Proof:
    """Hold a file's digest against its provenance, by the keys that are known.

    Raises NotAllowed when it does not hold, Invalid for what is no provenance; the sentence says why.
    """
    known = {key.keyid: key for key in keys if key.role in {BUILDS, ""}}
    for keyid in signers_of(envelope):
        if keyid in known and not known[keyid].is_trusted:
            raise NotAllowed(f"It is signed by the key {keyid[:16]}, which was revoked{_why(known[keyid])}.")
    opened = unseal(envelope, PAYLOAD, [key.key for key in known.values() if key.is_trusted])
    statement = _statement(opened.payload)
    subjects = statement["subject"]
    names = [subject["name"] for subject in subjects if subject["digest"].get("sha256") == sha256]
    if not names:
        raise NotAllowed(f"It is about {len(subjects)} other files: none of them has the SHA-256 {sha256}.")
    try:
        sentences = tuple(_sentences(names[0], statement["predicate"], known[opened.keyid]))
    except (KeyError, TypeError, IndexError, AttributeError):
        raise Invalid("What was signed is not provenance as this portal writes it.") from None
    return Proof(opened.keyid, sentences)


def _why(key: PublicKey) -> str:
    on = f" on {key.revoked:%Y-%m-%d}" if key.revoked else ""
    return f"{on}: {key.reason.rstrip('.')}" if key.reason else on


def _statement(payload: bytes) -> dict[str, Any]:
    try:
        statement = json.loads(payload)
        kinds = statement["_type"], statement["predicateType"]
        whole = all(isinstance(subject["name"], str) and subject["digest"] for subject in statement["subject"])
    except (ValueError, KeyError, TypeError):
        raise Invalid("What was signed is no in-toto statement.") from None
    if kinds != (STATEMENT, PREDICATE) or not whole:
        raise Invalid("What was signed is no SLSA provenance of version 1.")
    return dict(statement)


def _sentences(name: str, predicate: dict[str, Any], key: PublicKey) -> Iterable[str]:
    definition, run = predicate["buildDefinition"], predicate["runDetails"]
    asked, metadata = definition["externalParameters"], run["metadata"]
    materials = {material["name"]: material for material in definition["resolvedDependencies"]}
    yield f"It is {name}, made by {metadata['invocationId']} from {metadata['startedOn']} to {metadata['finishedOn']}."
    yield f"The builder was {run['builder']['id']}."
    commit = materials["upstream"]["digest"]["gitCommit"]
    yield f"The source was {asked['component']} {asked['release']} of {asked['upstream']}, commit {commit}."
    if "patch" in materials:
        patch = materials["patch"]
        yield (
            f"Inside is revision {asked['revision']} of {asked['contribution']}:"
            f" {patch['uri']} with the SHA-256 {patch['digest']['sha256']}."
        )
    else:
        yield "No contribution is inside."
    retired = f", retired on {key.retired:%Y-%m-%d}" if key.retired else ""
    yield f"It is signed by the key {key.keyid}{retired}."
