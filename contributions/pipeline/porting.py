"""Receiving a port: it must stand on its release exactly, and nothing of it is for any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout import commits, fitting, receipt
from contributions.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Release, Revision


def release_of(port: Revision) -> Release:
    if port.release is None:
        raise Invalid("The release that it is a port to is not known.")
    return port.release


def refuse_other_places(port: Revision, warnings: tuple[str, ...], *, is_merged: bool) -> None:
    """A patch that was found at other lines or merged was made for something else than the release. Raises Invalid."""
    name = release_of(port).name
    if warnings:
        raise Invalid(f"A port applies to its release exactly, and this does not to {name}: {warnings[0]}")
    if is_merged:
        raise Invalid(f"A port applies to its release exactly, and this was made from other versions than {name} has.")


def port_base(port: Revision, place: Path, tip: str) -> str:
    """Where commits that were made elsewhere left the release's history. Raises Invalid unless they fit it exactly."""
    release = release_of(port)
    base = receipt.base_of(place, tip, [release.commit])
    if base is None:
        raise Invalid(f"The commits share no history with {release.name}, which they are a port to.")
    if base.commit != release.commit:
        change = commits.diff(place, base.commit, tip)
        verdict = fitting.judge(place, fitting.Patch(base.commit, tip, change), release.commit)
        if verdict.kind != fitting.Kind.APPLIES:
            raise Invalid(f"A port applies to its release exactly, and {_trouble(verdict)} on {release.name}.")
    return base.commit


def _trouble(verdict: fitting.Verdict) -> str:
    if verdict.kind == fitting.Kind.CONFLICTS:
        return f"this conflicts in {', '.join(verdict.files[:5])}"
    return "this needs a merge" if verdict.kind == fitting.Kind.MERGES else "there is nothing left of this"
