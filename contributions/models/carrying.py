"""What becomes of votes, reports and approvals when a new revision comes: evidence follows content.

A revision knows what happens to each file (`fingerprints`), and how each earlier one stands to it (`carries`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from .revision import Revision


class Carry(models.TextChoices):
    """How much of what was said of an older revision holds for a newer one."""

    SAME = "same", "the same content"
    PARTLY = "partly", "the same, and other files"
    TOUCHED = "touched", "changed"


def carry(older: Revision, newer: Revision) -> Carry:
    """SAME: the same happens to the same files. PARTLY: what the older one did is all in it, and further files.

    What was received before files had fingerprints is the same if git's patch id is.
    """
    if older.pk == newer.pk:
        return Carry.SAME
    if not (older.fingerprints and newer.fingerprints):
        alike = bool(older.fingerprint) and older.fingerprint == newer.fingerprint
        return Carry.SAME if alike else Carry.TOUCHED
    if older.fingerprints == newer.fingerprints:
        return Carry.SAME
    return Carry.PARTLY if older.fingerprints.items() <= newer.fingerprints.items() else Carry.TOUCHED


def untouched_paths(older: Revision, newer: Revision) -> set[str]:
    """The files to which both do the same."""
    return {path for path, _ in older.fingerprints.items() & newer.fingerprints.items()}


def paths_changed(older: Revision, newer: Revision) -> list[str]:
    """The files to which they do not do the same."""
    return sorted({path for path, _ in older.fingerprints.items() ^ newer.fingerprints.items()})


def carries(earlier: list[Revision], newer: Revision) -> dict[str, str]:
    """The number of each earlier revision that is not touched -> how far it carries."""
    found = {str(older.number): carry(older, newer) for older in earlier}
    return {number: str(how) for number, how in found.items() if how is not Carry.TOUCHED}
