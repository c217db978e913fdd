"""A fork's commits sorted into logical patches: topics, what was taken back, what was folded in, and mere noise."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from contributions.checkout.history import REVERT_SUBJECT, REVERTS
from contributions.checkout.lineage import Own, mainline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MOST_OF_TOPIC = 20  # commits; a branch that brings more is a line of work of its own, and is taken apart
MOST_NOISY = 6  # files of a commit that may be a mere change of version
FOLDED = re.compile(r"(?:(?:fixup|squash|amend)! )+(.*)")
CHANGELOG = re.compile(
    r"(^|/)(change(s|log)?|news|history|releases?(-?notes)?|whatsnew)(\.(md|rst|txt))?$|(^|/)debian/changelog$",
    re.IGNORECASE,
)
VERSION_FILE = re.compile(
    r"(^|/)(_?version(\.\w+)?|\.bumpversion\.cfg|setup\.(cfg|py)|pyproject\.toml|package\.json|__init__\.py|"
    r"__about__\.py|[^/]+\.spec|meson\.build|CMakeLists\.txt|Cargo\.toml|pom\.xml)$",
    re.IGNORECASE,
)
BUMP = re.compile(
    r"^(bump|release|prepare|set|update|start|begin|open|post|pre)?\b.*\b(version|release|v?\d+\.\d+)", re.IGNORECASE
)
REQUEST = re.compile(r"^Merge (?:pull request|branch|remote-tracking branch|tag|topic)\b(?: #\d+ from)?\s*'?([^'\s]*)")


class Fate(StrEnum):
    """What is to become of a logical patch, as far as the fork itself tells."""

    CARRIED = "carried"
    TAKEN_BACK = "taken-back"
    NOISE = "noise"


@dataclass(frozen=True)
class Logical:
    """One change of the fork: groups of commits, each of which becomes one commit of the patch. `why` is a sentence."""

    groups: tuple[tuple[Own, ...], ...]
    title: str
    body: str = ""
    fate: Fate = Fate.CARRIED
    why: str = ""

    @property
    def commits(self) -> tuple[Own, ...]:
        return tuple(commit for group in self.groups for commit in group)

    @property
    def key(self) -> str:
        """The commit that tells it apart from all other patches of the fork."""
        return self.groups[0][0].id

    @property
    def paths(self) -> frozenset[bytes]:
        return frozenset(path for commit in self.commits for path in commit.changes)

    def apart(self) -> tuple[Logical, ...]:
        """Each of its commits as a patch of its own."""
        return tuple(_single(commit) for commit in self.commits)


def logical_patches(commits: Sequence[Own], tip: str, changed: Callable[[Own], bytes]) -> list[Logical]:
    """The patches in the order in which the fork began them; `changed` gives the diff of a commit that may be noise."""
    known = {commit.id: commit for commit in commits}
    units = _units(known, mainline(known, tip), [commit.id for commit in commits])
    cancelled = _taken_back(commits, units)
    gone = {commit.id for patch in cancelled for commit in patch.commits}
    kept = [left for unit in units if (left := _without(unit, gone))]
    patches = [_judged(unit, changed) for unit in _joined(_folded(kept))]
    place = {commit.id: number for number, commit in enumerate(commits)}
    return sorted([*patches, *cancelled], key=lambda patch: place[patch.key])


# topics: what one merge brought is one patch


def _units(known: Mapping[str, Own], chain: Sequence[Own], order: Sequence[str]) -> list[Logical]:
    units: list[Logical] = []
    taken = {commit.id for commit in chain}
    for commit in chain:
        if not commit.is_merge:
            units.append(_single(commit))
            continue
        side = _brought(known, commit, taken)
        taken |= side
        units += _topic(commit, [known[name] for name in order if name in side])
    return units


def _brought(known: Mapping[str, Own], merge: Own, taken: Iterable[str]) -> set[str]:
    """The fork's own commits that came with a merge; none when it brought upstream's alone."""
    seen: set[str] = set()
    waiting = list(merge.parents[1:])
    stop = set(taken)
    while waiting:
        name = waiting.pop()
        if name in known and name not in seen and name not in stop:
            seen.add(name)
            waiting += known[name].parents
    return seen


def _topic(merge: Own, side: Sequence[Own]) -> list[Logical]:
    ordinary = [commit for commit in side if not commit.is_merge]
    if len(ordinary) > MOST_OF_TOPIC:
        inner = {commit.id: commit for commit in side}
        return [unit for parent in merge.parents[1:] for unit in _units(inner, mainline(inner, parent), list(inner))]
    if len(ordinary) <= 1:
        return [_single(commit) for commit in ordinary]
    return [Logical(tuple((commit,) for commit in ordinary), _title_of(merge, ordinary), _said_by(merge))]


def _title_of(merge: Own, ordinary: Sequence[Own]) -> str:
    """The first line of the merge's own words, where it has some; else the name of its branch, or its first commit."""
    words = next((line.strip() for line in merge.body.splitlines() if line.strip()), "")
    if words and not words.startswith(("#", "* ", "Conflicts")):
        return words
    if named := REQUEST.match(merge.subject):
        branch = named[1].rpartition("/")[2].replace("-", " ").replace("_", " ").strip()
        return branch[:1].upper() + branch[1:] if len(branch.split()) > 1 else ordinary[0].subject
    return merge.subject if not merge.subject.startswith("Merge ") else ordinary[0].subject


def _said_by(merge: Own) -> str:
    return merge.body.partition("\n")[2].strip()


def _single(commit: Own) -> Logical:
    return Logical(((commit,),), commit.subject, commit.body)


def _without(unit: Logical, gone: set[str]) -> Logical | None:
    groups = tuple(group for group in unit.groups if group[0].id not in gone)
    return replace(unit, groups=groups) if groups else None


# what the fork took back itself


def _taken_back(commits: Sequence[Own], units: Sequence[Logical]) -> list[Logical]:
    """Pairs that cancel out; the newest first, so that a revert that was reverted leaves the change as it was."""
    gone: dict[str, Own] = {}
    pairs = []
    for place in range(len(commits) - 1, -1, -1):
        revert = commits[place]
        if revert.is_merge or revert.id in gone:
            continue
        targets = _targets(revert, commits[:place], units)
        if targets and not any(commit.id in gone for commit in targets) and _undoes(revert, targets):
            gone |= {commit.id: commit for commit in (*targets, revert)}
            why = f"The fork took it back itself, with {revert.id[:12]}."
            groups = tuple((commit,) for commit in (*targets, revert))
            pairs.append(Logical(groups, targets[0].subject, targets[0].body, Fate.TAKEN_BACK, why))
    return pairs


def _targets(revert: Own, earlier: Sequence[Own], units: Sequence[Logical]) -> list[Own]:
    """What a commit says that it takes back, if all of that is the fork's own; of a merge, all that it brought."""
    ids = REVERTS.findall(revert.message)
    if not ids:
        subject = REVERT_SUBJECT.fullmatch(revert.subject)
        return [one for one in reversed(earlier) if subject and one.subject == subject[1] and not one.is_merge][:1]
    found: list[Own] = []
    for name in ids:
        own = next((one for one in reversed(earlier) if one.id.startswith(name)), None)
        if own is None:
            return []
        found += [own] if not own.is_merge else _brought_by(own, units)
    return found


def _brought_by(merge: Own, units: Sequence[Logical]) -> list[Own]:
    return next((list(unit.commits) for unit in units if unit.commits[-1].id in merge.parents), [])


def _undoes(revert: Own, targets: Sequence[Own]) -> bool:
    """Whether it touches the same files: a revert that was edited is a change of its own."""
    return revert.paths == frozenset(path for commit in targets for path in commit.changes)


# what belongs to an earlier commit


def _folded(units: Sequence[Logical]) -> list[Logical]:
    """fixup!, squash! and amend! commits go into the commit that they name."""
    made: list[Logical] = []
    for unit in units:
        named = FOLDED.fullmatch(unit.title) if len(unit.commits) == 1 else None
        place = _place_of(made, named[1]) if named else None
        if place is None:
            made.append(unit)
        else:
            at, group = place
            made[at] = replace(made[at], groups=_with(made[at].groups, group, unit.commits[0]))
    return made


def _place_of(made: Sequence[Logical], words: str) -> tuple[int, int] | None:
    for at in range(len(made) - 1, -1, -1):
        for number, group in enumerate(made[at].groups):
            if group[0].subject.startswith(words) or (len(words) >= 7 and group[0].id.startswith(words)):  # noqa: PLR2004 - git's own short ids
                return at, number
    return None


def _with(groups: tuple[tuple[Own, ...], ...], at: int, commit: Own) -> tuple[tuple[Own, ...], ...]:
    return tuple((*group, commit) if number == at else group for number, group in enumerate(groups))


def _joined(units: Sequence[Logical]) -> list[Logical]:
    """Follow-ups that carry the Change-Id of an earlier patch are further commits of it."""
    made: list[Logical] = []
    homes: dict[str, int] = {}
    for unit in units:
        ids = {name for commit in unit.commits for name in commit.change_ids}
        home = next((homes[name] for name in sorted(ids) if name in homes), None)
        if home is None:
            home = len(made)
            made.append(unit)
        else:
            made[home] = replace(made[home], groups=(*made[home].groups, *unit.groups))
        homes |= dict.fromkeys(ids, home)
    return made


# what nobody else needs


def _judged(unit: Logical, changed: Callable[[Own], bytes]) -> Logical:
    if all(_is_noise(commit, changed) for commit in unit.commits):
        return replace(unit, fate=Fate.NOISE, why="It changes nothing but versions or the list of changes.")
    return unit


def _is_noise(commit: Own, changed: Callable[[Own], bytes]) -> bool:
    names = [path.decode("utf-8", "replace") for path in commit.changes]
    if not names:
        return True
    if all(CHANGELOG.search(name) for name in names):
        return True
    is_bump = len(names) <= MOST_NOISY and bool(BUMP.match(commit.subject))
    versions = [name for name in names if not CHANGELOG.search(name)]
    return is_bump and all(VERSION_FILE.search(name) for name in versions) and _only_versions(changed(commit))


def _only_versions(diff: bytes) -> bool:
    """Whether each line that is added or taken away, but for the list of changes, holds a version."""
    counted = 0
    is_list = False
    for line in diff.split(b"\n"):
        if line.startswith(b"diff --git "):
            is_list = CHANGELOG.search(line.decode("utf-8", "replace").rpartition(" b/")[2]) is not None
        elif line[:1] in b"+-" and line[:4] not in {b"+++ ", b"--- "} and line[1:].strip() and not is_list:
            if not re.search(rb"\d+\.\d+", line):
                return False
            counted += 1
    return counted > 0
