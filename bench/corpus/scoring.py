"""Answers held against what is true: classes, trees and conflicting files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CLASSES = ("clean", "conflict", "contained")
LEAST = 0.98  # of the cells that must have the right class

# A word of the portal's -> the class that it stands for. "Probably upstream" counts as contained: it sends a person to
# a commit of upstream to compare, and nobody builds or ports the patch meanwhile. What has no base and what is of
# another tree does not apply, as a conflict does not.
CLASS_OF = {
    "applies": "clean",
    "merges": "clean",
    "upstream": "contained",
    "probably-upstream": "contained",
    "conflicts": "conflict",
    "no-base": "conflict",
    "not-for-this-tree": "conflict",
}
CHERRY_PICKED = {"clean": "clean", "conflict": "conflict", "empty": "contained"}


@dataclass(frozen=True)
class Truth:
    """One patch on one release. What `git cherry-pick` makes of it is as right where it was noted."""

    commit: str
    tag: str
    release_commit: str
    classes: tuple[str, ...]
    trees: frozenset[str]
    files: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answer:
    """What the portal says of a cell."""

    state: str
    tree: str
    files: tuple[str, ...]

    @property
    def verdict(self) -> str:
        return CLASS_OF.get(self.state, self.state)


def read_truths(path: Path) -> list[Truth]:
    return [_truth(json.loads(line)) for line in path.read_text().splitlines() if line]


def _truth(row: dict[str, Any]) -> Truth:
    picked = CHERRY_PICKED.get(row.get("cp", ""), row["verdict"])
    trees = {row.get("cp_tree"), None if row.get("cp") == "other-tree" else row.get("tree")}
    files = [tuple(sorted(row[name])) for name in ("files", "cp_files") if row.get(name)]
    classes = tuple(dict.fromkeys([row["verdict"], picked]))
    known = frozenset(tree for tree in trees if tree)
    return Truth(row["commit"], row["tag"], row["release_commit"], classes, known, tuple(files))


@dataclass
class Score:
    """`matrix` counts (true class, answered class)."""

    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: int = 0
    wrong_classes: list[str] = field(default_factory=list)
    wrong_trees: list[str] = field(default_factory=list)
    called_clean: list[str] = field(default_factory=list)
    trees: Counter[bool] = field(default_factory=Counter)
    files: Counter[bool] = field(default_factory=Counter)

    def add(self, truth: Truth, answer: Answer) -> None:
        cell = f"{truth.commit[:12]} on {truth.tag}"
        self.matrix[truth.classes[0], answer.verdict] += 1
        if answer.verdict not in truth.classes:
            self.wrong_classes.append(f"{cell}: {' or '.join(truth.classes)}, answered {answer.state}")
            if answer.verdict == "clean" and truth.classes[0] == "contained":
                self.called_clean.append(cell)
            return
        self.right += 1
        if answer.verdict == "clean":
            self._add_tree(cell, truth, answer)
        elif answer.verdict == "conflict" and truth.files:
            self.files[tuple(sorted(answer.files)) in truth.files] += 1

    def _add_tree(self, cell: str, truth: Truth, answer: Answer) -> None:
        is_right = answer.tree in truth.trees
        self.trees[is_right] += 1
        if not is_right:
            self.wrong_trees.append(f"{cell}: {answer.tree or 'no tree'}")

    @property
    def cells(self) -> int:
        return self.right + len(self.wrong_classes)

    @property
    def is_good(self) -> bool:
        enough = self.cells > 0 and self.right >= LEAST * self.cells
        return enough and not self.wrong_trees and not self.called_clean

    def lines(self, most: int = 20) -> Iterable[str]:
        """What is silently wrong comes first."""
        yield from _listed("WRONG TREE", self.wrong_trees, most)
        yield from _listed("CONTAINED, CALLED CLEAN", self.called_clean, most)
        yield from _listed("wrong class", self.wrong_classes, most)
        yield f"{'truth / answered':>18}" + "".join(f"{name:>11}" for name in CLASSES)
        for true in CLASSES:
            yield f"{true:>18}" + "".join(f"{self.matrix[true, said]:>11}" for said in CLASSES)
        yield f"classes {_share(self.right, self.cells)}"
        yield f"trees   {_share(self.trees[True], self.trees.total())}"
        yield f"files   {_share(self.files[True], self.files.total())}"


def _listed(what: str, cells: Sequence[str], most: int) -> Iterable[str]:
    yield from (f"{what} {cell}" for cell in cells[:most])
    if len(cells) > most:
        yield f"{what}: {len(cells) - most} more"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({100 * part / whole:.1f} %)" if whole else "")
