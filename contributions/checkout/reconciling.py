"""Laying a series onto a release where it conflicts, with a person's answers: each commit's conflicts are one pass.

A conflict is told by what it is made of. What was answered stays answered when the release moves on or the patch is
revised, as long as the same lines conflict; what is new is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from contributions.checkout.bench import Bench
from contributions.checkout.clashing import BINARY, LINK, How
from contributions.checkout.commits import Commit, commits_between
from contributions.checkout.merging import Merger
from contributions.checkout.remembering import MOST_BYTES, REGULAR, Desk, commit_again, lay
from contributions.checkout.runner import KIB
from contributions.checkout.weaving import OURS, THEIRS, Pieces, places_of, weave, whole_id, with_remembered, woven
from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from contributions.checkout.merging import Merge, Stage
    from contributions.checkout.weaving import Answer

MOST_COMMITS = 100  # of a series; a longer one is carried by git itself
MOST_FILES = 50  # that conflict in one commit
MOST_PLACES = 100  # in one commit
GONE = ("", "")  # in the place of a mode and a blob: the file is removed
MOST_TEXT = 512 * KIB  # of both sides of all places of one commit
MOST_TEXT_IN_ALL = 4 * MOST_TEXT  # of all commits
MANY = (
    f"More than {MOST_FILES} files or {MOST_PLACES} places, or very long ones, conflict in one commit; that needs git."
)


@dataclass(frozen=True)
class Question:
    """One file that conflicts: by its places, or as a whole where `id` is set, with what each choice makes of it.

    With neither, no page can settle it: it needs git. `key` is rerere's where something is remembered.
    """

    path: str
    how: How
    mode: str = ""
    pieces: Pieces = ()
    id: str = ""
    entries: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    key: str = ""

    @property
    def needs_git(self) -> bool:
        return not self.id and not self.pieces

    def is_answered(self, answers: Mapping[str, Answer]) -> bool:
        if self.id:
            return self.id in answers and answers[self.id].choice in self.entries
        return not self.needs_git and all(place.takes(answers.get(place.id)) for place in places_of(self.pieces))


@dataclass(frozen=True)
class Pass:
    """What conflicts of one commit, the `number`-th `of` the series."""

    commit: Commit
    number: int
    of: int
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Outcome:
    """The passes that there are, the last one open unless `tip` is the whole series on its release.

    The tip is the release itself when nothing is left of the patch.
    """

    passes: tuple[Pass, ...] = ()
    tip: str = ""


@dataclass(frozen=True)
class Known:
    """Answers by the ids of what they answer; `recall` gives before and after for some of rerere's keys."""

    answers: Mapping[str, Answer]
    recall: Callable[[Sequence[str]], Mapping[str, tuple[bytes, bytes]]]


def reconcile(repo: Path, base: str, tip: str, onto: str, known: Known) -> Outcome:
    """Lay base..tip on commit `onto` as far as there are answers. Raises Invalid, GitFailed, Trouble."""
    series = commits_between(repo, base, tip)
    if len(series) > MOST_COMMITS:
        raise Invalid(f"A series of {len(series)} commits is ported with git; {MOST_COMMITS} is the most here.")
    passes: list[Pass] = []
    here, parent = onto, base
    with Bench(repo) as bench, Merger(bench) as merger, Desk(repo) as desk:
        for number, commit in enumerate(series, 1):
            merge = merger.merge(parent, commit.sha, here)
            tree = merge.tree
            if not merge.is_clean:
                asked = Pass(commit, number, len(series), tuple(_questions(bench, desk, merge, known)))
                passes.append(asked)
                _refuse_more(passes)
                if not all(question.is_answered(known.answers) for question in asked.questions):
                    return Outcome(tuple(passes))
                tree = _tree(bench, tree, asked.questions, known.answers)
            here, parent = commit_again(bench, tree, here, commit), commit.sha
        bench.adopt()
    return Outcome(tuple(passes), here)


def _refuse_more(passes: Sequence[Pass]) -> None:
    """What is asked is kept and shown, so that there is an end to it."""
    places = [place for one in passes for question in one.questions for place in places_of(question.pieces)]
    if sum(len(place.ours) + len(place.theirs) for place in places) > MOST_TEXT_IN_ALL:
        raise Invalid("The conflicts of this series are too long for pages; that needs git.")


def _questions(bench: Bench, desk: Desk, merge: Merge, known: Known) -> Iterator[Question]:
    sides: dict[str, dict[int, Stage]] = {}
    for stage in merge.stages:
        sides.setdefault(stage.path, {})[stage.number] = stage
    if not sides:
        raise Invalid("git does not say in which files it conflicts; that needs git.")
    questions = [_question(bench, path, stages) for path, stages in sides.items()] if len(sides) <= MOST_FILES else []
    places = [place for question in questions for place in places_of(question.pieces)]
    text = sum(len(place.ours) + len(place.theirs) for place in places)
    if not questions or len(places) > MOST_PLACES or text > MOST_TEXT:
        raise Invalid(MANY)
    settled = desk.settled(lay(bench, merge).conflicts, known.recall)
    for question in questions:
        key, told = settled.get(question.path, ("", b""))
        pieces = with_remembered(question.pieces, told) if key and question.pieces else question.pieces
        yield replace(question, pieces=pieces, key=key if pieces != question.pieces else "")


def _question(bench: Bench, path: str, sides: Mapping[int, Stage]) -> Question:
    how = _kind(bench, path, sides)
    entries = {number: (stage.mode, stage.blob) for number, stage in sides.items()}
    if how in {How.MOVED, How.SUBMODULE, How.MODE}:
        return Question(path, how)
    if how not in {How.CONTENT, How.ADDED_TWICE}:
        chosen = {OURS: entries.get(2, GONE), THEIRS: entries.get(3, GONE)}
        return Question(path, how, id=whole_id(path, *chosen[OURS], *chosen[THEIRS]), entries=chosen)
    pieces = weave(bench, path, sides)
    if not places_of(pieces):
        return Question(path, How.MODE)
    is_ours = 1 not in sides or sides[1].mode != sides[2].mode
    return Question(path, how, sides[2 if is_ours else 3].mode, pieces)


def _kind(bench: Bench, path: str, sides: Mapping[int, Stage]) -> How:
    """What can be asked about a file; what a path of ours cannot name, or git lays elsewhere, needs git."""
    modes, there = {stage.mode for stage in sides.values()}, set(sides)
    if "\ufffd" in path or "\n" in path or not modes <= REGULAR | {LINK}:
        return How.SUBMODULE if modes - REGULAR - {LINK} else How.MOVED
    if there in ({1, 3}, {1, 2}):
        return How.GONE_HERE if there == {1, 3} else How.GONE_THERE
    if there not in ({1, 2, 3}, {2, 3}):
        return How.MOVED
    if LINK in modes:
        return How.LINK if modes == {LINK} else How.MOVED
    return _kind_of_text(bench, sides)


def _kind_of_text(bench: Bench, sides: Mapping[int, Stage]) -> How:
    found = [bench.objects.find(stage.blob) for stage in sides.values()]
    if max(thing.size if thing else 0 for thing in found) > MOST_BYTES:
        return How.LARGE
    if any(b"\0" in bench.objects.read(stage.blob, "blob")[:BINARY] for stage in sides.values()):
        return How.BINARY
    return How.CONTENT if 1 in sides else How.ADDED_TWICE


def _tree(bench: Bench, tree: str, questions: Sequence[Question], answers: Mapping[str, Answer]) -> str:
    """The merge's tree with the answers in the place of what conflicts."""
    rows = b""
    for question in questions:
        mode, blob = _entry(bench, question, answers)
        rows += f"{mode or '0'} {blob or '0' * 40} 0\t{question.path}\0".encode()
    bench.git("read-tree", tree)
    bench.git("update-index", "-z", "--index-info", stdin=rows)
    return bench.git("write-tree").decode().strip()


def _entry(bench: Bench, question: Question, answers: Mapping[str, Answer]) -> tuple[str, str]:
    if question.id:
        return question.entries[answers[question.id].choice]
    return question.mode, bench.write("blob", woven(question.pieces, answers))
