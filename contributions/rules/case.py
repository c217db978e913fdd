"""What the rules look at: one contribution's current revision, and what was said and found of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Opinion:
    """A verdict on the current revision, or on an earlier one (`of`, such as v2) that has the same content.

    Beside it stands what its maker is to the component and to the author.
    """

    by: str
    verdict: str
    maintains: bool = True
    is_author: bool = False  # of the work, or the one who sent the revision
    is_colleague: bool = False
    changed_hands_at: datetime | None = None
    of: str = ""


@dataclass(frozen=True)
class Building:
    """How far the current revision is built.

    `release` names the one that it must pass on, with the states of its fit and its build there; without a name any
    release will do.
    """

    release: str = ""
    fit: str = ""
    build: str = ""
    has_recipe: bool = True


@dataclass(frozen=True)
class Case:
    """All that the rules ask about one contribution. `label` is that of the current revision, such as v2."""

    label: str
    sent_at: datetime
    now: datetime
    opinions: tuple[Opinion, ...] = ()
    is_newcomer: bool = False
    hands: tuple[tuple[str, datetime], ...] = ()  # who changed hands, in words, and when
    is_executable: bool = False
    has_patch: bool = True
    building: Building = Building()
    licence: str = ""
    found_licences: tuple[tuple[str, str], ...] = ()  # a path, and the licence that the change writes into it
    unsigned: tuple[str, ...] = ()  # the subjects of the commits that their authors did not sign off
