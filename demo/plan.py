"""What the demo sets out to do, read from the .toml files beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOM = Path(__file__).parent
PLATFORMS = ROOM / "platforms"


@dataclass(frozen=True)
class Somebody:
    username: str
    name: str
    maintains: bool = False


@dataclass(frozen=True)
class Company:
    name: str
    kind: str
    about: str
    people: tuple[Somebody, ...]
    sector: str = ""


@dataclass(frozen=True)
class Commit:
    """What became of `files` in the release `newer`."""

    newer: str
    files: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Sending:
    """One revision as it is sent; `builds` is how all its builds must end."""

    number: int
    note: str = ""
    builds: str = "passed"
    commits: tuple[Commit, ...] = ()


@dataclass(frozen=True)
class Remark:
    by: str
    text: str
    revision: int = 1
    replies: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Report:
    """`days` ago it went into use."""

    by: str
    release: str
    outcome: str
    stage: str
    environment: str = ""
    days: int = 0
    text: str = ""
    revision: int = 1
    traits: dict[str, str] = field(default_factory=dict)
    is_named: bool = True


@dataclass(frozen=True)
class Verdict:
    by: str
    revision: int
    verdict: str
    message: str = ""


@dataclass(frozen=True)
class Withdrawal:
    release: str
    by: str
    reason: str


@dataclass(frozen=True)
class Share:
    """A contribution: who sends what, what the portal must find, and what others say."""

    key: str
    kind: str
    title: str
    author: str
    release: str
    sent_as: str
    description: str
    revisions: tuple[Sending, ...]
    like: str = ""  # of a draft: the key of the one that does the same, for which its author keeps it back
    branch: str = ""
    wheel: str = ""
    sha256: str = ""
    fits: dict[str, str] = field(default_factory=dict)
    fixes: str = ""
    tests: str = ""
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    comments: tuple[Remark, ...] = ()
    reports: tuple[Report, ...] = ()
    reviews: tuple[Verdict, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()

    @property
    def last(self) -> Sending:
        return self.revisions[-1]

    @property
    def built_on(self) -> set[str]:
        """The releases that it fits, where it is built."""
        return {release for release, fit in self.fits.items() if fit in {"applies", "merges"}}

    @property
    def is_approved(self) -> bool:
        return any(review.verdict == "approve" and review.revision == self.last.number for review in self.reviews)

    @property
    def published_for(self) -> set[str]:
        if not self.is_approved:
            return set()
        return {self.release} if self.kind == "executable" else self.built_on


@dataclass(frozen=True)
class Installation:
    """What pip installs at the end; `command` then prints `shows`, which the bare release does not."""

    contribution: str
    release: str
    command: tuple[str, ...]
    shows: str


@dataclass(frozen=True)
class Selection:
    """A stack: what somebody carries on a release, and what must be said of each on the one they upgrade to."""

    name: str
    author: str
    release: str
    contributions: tuple[str, ...]
    upgrade: str
    outlook: dict[str, str]


@dataclass(frozen=True)
class Piece:
    """A commit of a fork, and what must be found of it: upstream, known or drafted."""

    becomes: str
    commit: Commit

    @property
    def title(self) -> str:
        return self.commit.message.partition("\n")[0]


@dataclass(frozen=True)
class Fork:
    """A branch of somebody's own, on top of a release."""

    keeper: str
    release: str
    branch: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Platform:
    """A component of the platform with everything that happens to it."""

    package: str
    title: str
    summary: str
    licence: str
    homepage: str
    releases: tuple[str, ...]
    tools: tuple[str, ...]
    shares: tuple[Share, ...]
    installation: Installation
    traits: tuple[str, ...] = ()
    drafts: tuple[Share, ...] = ()
    stacks: tuple[Selection, ...] = ()
    forks: tuple[Fork, ...] = ()

    @property
    def recipe(self) -> Path:
        return PLATFORMS / self.package / "recipe.toml"

    def share(self, key: str) -> Share:
        return next(share for share in self.shares if share.key == key)


def companies() -> tuple[Company, ...]:
    found = _read(ROOM / "people.toml")["organisation"]
    return tuple(
        Company(
            each["name"],
            each["kind"],
            each["about"],
            tuple(Somebody(**person) for person in each["person"]),
            each.get("sector", ""),
        )
        for each in found
    )


def maintainers() -> list[str]:
    return [person.username for company in companies() for person in company.people if person.maintains]


def staff() -> tuple[Somebody, ...]:
    return tuple(Somebody(**person) for person in _read(ROOM / "people.toml")["staff"])


def platform(package: str) -> Platform:
    given = _read(PLATFORMS / package / "platform.toml")
    written = _read(PLATFORMS / package / "contributions.toml")
    installation = given.pop("installation")
    stacks, forks = given.pop("stack", ()), given.pop("fork", ())
    facts: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Platform(
        **facts,
        shares=tuple(_share(**share) for share in written["contribution"]),
        drafts=tuple(_share(**share) for share in written.get("draft", ())),
        stacks=tuple(Selection(**{**each, "contributions": tuple(each["contributions"])}) for each in stacks),
        forks=tuple(_fork(**each) for each in forks),
        installation=Installation(**{**installation, "command": tuple(installation["command"])}),
    )


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def _share(**given: Any) -> Share:
    revisions = tuple(_sending(number, **each) for number, each in enumerate(given.pop("revision"), start=1))
    return Share(
        revisions=revisions,
        comments=tuple(_remark(**each) for each in given.pop("comment", ())),
        reports=tuple(Report(**each) for each in given.pop("report", ())),
        reviews=tuple(Verdict(**each) for each in given.pop("review", ())),
        withdrawals=tuple(Withdrawal(**each) for each in given.pop("withdrawal", ())),
        up=tuple(given.pop("up", ())),
        down=tuple(given.pop("down", ())),
        **given,
    )


def _sending(number: int, *, commit: list[dict[str, Any]] | None = None, **given: Any) -> Sending:
    return Sending(number, commits=tuple(_commit(**each) for each in commit or ()), **given)


def _commit(*, newer: str, files: list[str], message: str) -> Commit:
    return Commit(newer, tuple(files), message.lstrip())


def _fork(*, commit: list[dict[str, Any]], **given: Any) -> Fork:
    return Fork(pieces=tuple(Piece(each.pop("becomes"), _commit(**each)) for each in commit), **given)


def _remark(**given: Any) -> Remark:
    replies = tuple(_remark(**{"revision": given.get("revision", 1), **each}) for each in given.pop("reply", ()))
    return Remark(replies=replies, **given)
