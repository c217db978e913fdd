"""What is known of a finished build, in plain values: all that provenance and the bill of materials are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Made:
    """A file that the build made."""

    name: str
    sha256: str
    size: int
    url: str


@dataclass(frozen=True)
class Upstream:
    """The release that was built, as upstream names it."""

    component: str
    name: str
    url: str
    licence: str
    release: str
    ref: str
    commit: str


@dataclass(frozen=True)
class Patch:
    """The revision of a contribution that was merged in: its mail series by address and digest."""

    contribution: int
    revision: int
    title: str
    words: str
    licence: str
    contribution_url: str
    url: str
    sha256: str
    tip_commit: str


@dataclass(frozen=True)
class Stack:
    """What was laid onto the release together, in its order; `lock_sha256` is empty of a part of a stack."""

    name: str
    url: str
    lock_sha256: str
    patches: tuple[Patch, ...]


@dataclass(frozen=True)
class Confinement:
    """How the recipe was run; empty strings where the portal has no record of it."""

    executor: str
    sandbox: dict[str, Any]
    toolchain: str
    toolchain_digest: str
    prepared_digest: str


@dataclass(frozen=True)
class FinishedBuild:
    """Everything here was decided or measured by the portal; the build itself was asked for nothing but its bytes."""

    site: str
    version: str
    number: int
    url: str
    attempt: int
    started: datetime
    finished: datetime
    commit: str
    upstream: Upstream
    patch: Patch | None
    recipe: dict[str, Any]
    recipe_digest: str
    confinement: Confinement
    log_sha256: str
    made: tuple[Made, ...] = field(default=())
    stack: Stack | None = None

    @property
    def patches(self) -> tuple[Patch, ...]:
        """All that is on the release."""
        if self.stack is not None:
            return self.stack.patches
        return (self.patch,) if self.patch else ()

    @property
    def explained_at(self) -> str:
        """The page of this portal that says what its provenance means."""
        return f"{self.site}/how-builds-are-signed/"
