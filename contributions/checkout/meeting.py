"""A batch of meetings between patches and releases: the ladder, on one bench and with processes that stay."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from contributions.checkout import strangeness
from contributions.checkout.bench import Bench
from contributions.checkout.differences import Differences
from contributions.checkout.dossiers import Dossier
from contributions.checkout.laying import Layer, applied
from contributions.checkout.merging import Merger
from contributions.checkout.renewing import patched_release
from contributions.checkout.repositories import is_ancestor
from contributions.checkout.runner import git
from contributions.checkout.talking import Talk
from contributions.checkout.trees import with_blobs
from contributions.checkout.upstream import Account, Evidence, Stretch, ask_history, candidates_of
from contributions.checkout.verdicts import Kind, Part, Verdict, Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from contributions.checkout.annals import Annals
    from contributions.checkout.laying import Laid
    from contributions.checkout.merging import Merge
    from contributions.checkout.strangeness import Whose
    from contributions.checkout.talking import Voice
    from contributions.checkout.verdicts import Cell, Patch

DOSSIERS = 100  # patches that are remembered
NO_BASE = "The commit that it was made on is not in the component's history."
BY_CONTEXT = "Its base is not in the component's history; it applied by its context, {where}."
RENAMES = ("diff-tree", "-r", "-M", "-l2000", "--diff-filter=R", "--name-status", "-z")


class Desk:
    """A bench with all that judging needs; the context manager ends its processes."""

    def __init__(self, repo: Path, annals: Annals, whose: Whose | None = None) -> None:
        self.repo = repo
        self.annals = annals
        self.bench = Bench(repo)
        self._whose = whose
        self._merger = Merger(self.bench)
        self._differences = Differences(self.bench)
        self._layer = Layer(self.bench)
        # As little as the loose objects that they name are these refs worth waiting for the disk: a mirror is a cache.
        self._refs = Talk(repo, "-c", "core.fsync=none", "update-ref", "--stdin")
        self._dossiers: OrderedDict[tuple[str, str], Dossier | None] = OrderedDict()
        self._dates: dict[str, int] = {}
        self._renames: dict[tuple[str, str], dict[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in (self._merger, self._differences, self._refs):
            part.end()
        self.bench.__exit__(kind, error, trace)

    def prepare(self, cells: Sequence[Cell]) -> None:
        """What is cheaper asked for all of them at once: history, and the patch ids of what may be the same."""
        dossiers = [found for patch in dict.fromkeys(cell.patch for cell in cells) if (found := self._dossier(patch))]
        self.annals.cover({cell.release for cell in cells} | {dossier.base for dossier in dossiers})
        self.annals.patch_ids.of([name for dossier in dossiers for name in candidates_of(self.annals, dossier)])

    def judge(self, cell: Cell) -> Verdict:
        dossier = self._dossier(cell.patch)
        verdict = self._met(dossier, cell.release) if dossier else self._met_by_context(cell.patch.diff, cell.release)
        if verdict.commit:
            self.bench.adopt_commit(verdict.commit)
            if cell.keep:
                self._refs.ask(f"start\nupdate {cell.keep} {verdict.commit}\ncommit\n".encode(), _committed)
        return verdict

    def _dossier(self, patch: Patch) -> Dossier | None:
        """None for a patch whose base or tip is not here."""
        key = (patch.base, patch.tip)
        if key not in self._dossiers:
            self._dossiers[key] = self._read(patch)
            if len(self._dossiers) > DOSSIERS:
                self._dossiers.popitem(last=False)
        self._dossiers.move_to_end(key)
        return self._dossiers[key]

    def _read(self, patch: Patch) -> Dossier | None:
        found = [name and self.bench.objects.find(f"{name}^{{commit}}") for name in (patch.base, patch.tip)]
        return Dossier(self.bench, self._differences, patch.base, patch.tip) if all(found) else None

    # the ladder

    def _met(self, dossier: Dossier, release: str) -> Verdict:
        if self._is_behind(dossier, release):
            return Verdict(Kind.UPSTREAM, upstream_commit=dossier.tip, evidence=Evidence.ANCESTOR)
        account = ask_history(self.annals, dossier, release)
        if account.sighting:
            verdict = _upstream(account.sighting.commit, account.sighting.evidence, account)
        else:
            verdict = self._met_by_content(dossier, release, account)
        return self._with_its_commits(verdict, dossier, release, account)

    def _is_behind(self, dossier: Dossier, release: str) -> bool:
        """What the annals cannot tell: of a tip beyond what was read, or of no commits at all."""
        if dossier.tip in self.annals or self.annals.is_whole:
            return not dossier.series and self.annals.holds(release, dossier.tip)
        return is_ancestor(self.repo, dossier.tip, release)

    def _met_by_content(self, dossier: Dossier, release: str, account: Account) -> Verdict:
        detail = " ".join(account.remarks)
        if self._has_it_to_the_letter(dossier, release):
            return self._found(dossier, release, account, Evidence.EMPTY_MERGE)
        if tree := self._tree_to_the_letter(dossier, release):
            commit = self._commit(tree, release, dossier.tip)
            return Verdict(Kind.APPLIES, tree, commit, detail=detail, way=Way.EXACT)
        merge = self._merger.merge(dossier.base, dossier.tip, release)
        if merge.is_clean and merge.tree == self.bench.tree_of(release):
            return self._found(dossier, release, account, Evidence.EMPTY_MERGE)
        laid = self._layer.lay(dossier, release)
        if not laid and self._layer.lay(dossier, release, backwards=True):
            return self._found(dossier, release, account, Evidence.REVERSE_APPLY)
        if not merge.is_clean:
            return self._conflict(dossier, release, merge, account)
        return self._merged(dossier, release, merge, laid, detail)

    def _merged(self, dossier: Dossier, release: str, merge: Merge, laid: Laid | None, detail: str) -> Verdict:
        way = Way.THREE_WAY
        if laid and self._layer.agrees(laid, merge.tree):
            way = Way.EXACT if laid.is_exact else Way.OFFSET
        kind = Kind.APPLIES if way is Way.EXACT else Kind.MERGES
        commit = self._commit(merge.tree, release, dossier.tip)
        renames = self._moved(dossier, release)
        return Verdict(kind, merge.tree, commit, detail=_sentences(detail, _told(renames)), way=way, renames=renames)

    def _conflict(self, dossier: Dossier, release: str, merge: Merge, account: Account) -> Verdict:
        detail = " ".join(account.remarks)
        renames = self._moved(dossier, release)
        verdict = Verdict(
            Kind.CONFLICTS, files=merge.conflicts, detail=_sentences(detail, _told(renames)), renames=renames
        )
        if account.namesake:
            return replace(
                verdict,
                kind=Kind.PROBABLY_UPSTREAM,
                upstream_commit=account.namesake.id,
                evidence=Evidence.SUBJECT,
                detail=_sentences("A commit of the release has the same subject; please compare them.", detail),
            )
        paths = [entry.path for entry in dossier.entries if entry.status != "A"]
        if self._is_strange(dossier.base, release, paths):
            return self._not_for_this_tree(release, paths)
        return verdict

    # what needs no merge

    def _has_it_to_the_letter(self, dossier: Dossier, release: str) -> bool:
        """Each of its paths is what the patch makes of it. What it deletes may be elsewhere, so that does not count."""
        return bool(dossier.entries) and all(
            entry.status in {"M", "A"}
            and entry.keeps_its_mode | (entry.status == "A")
            and self.bench.entry_at(release, entry.path) == (entry.new_mode, entry.new)
            for entry in dossier.entries
        )

    def _tree_to_the_letter(self, dossier: Dossier, release: str) -> str:
        """The release with the patch's blobs, if the release has its paths as the base has them."""
        if not dossier.entries or not all(each.status == "M" and each.keeps_its_mode for each in dossier.entries):
            return ""
        if any(self._layer.blob_at(release, entry.path) != entry.old for entry in dossier.entries):
            return ""
        blobs = {entry.path: ((entry.old_mode, entry.old), entry.new) for entry in dossier.entries}
        return with_blobs(self.bench, self.bench.tree_of(release), blobs) or ""

    # naming the commit

    def _found(self, dossier: Dossier, release: str, account: Account, evidence: Evidence) -> Verdict:
        return _upstream(self._since(dossier, release), evidence, account)

    def _since(self, dossier: Dossier, release: str) -> str:
        """The first commit of the release with the patch's content, by bisection over those that touch its paths."""
        stretch = Stretch(self.annals, dossier.base, release)
        touching = stretch.of(self.annals.touching(dossier.paths))[::-1]
        first, last = 0, len(touching)
        while first < last:
            middle = (first + last) // 2
            if self._has_content(dossier, touching[middle].id):
                last = middle
            else:
                first = middle + 1
        return touching[first].id if first < len(touching) else ""

    def _has_content(self, dossier: Dossier, commit: str) -> bool:
        if self._layer.lay(dossier, commit, backwards=True):
            return True
        merge = self._merger.merge(dossier.base_tree, dossier.tree, commit)
        return merge.is_clean and merge.tree == self.bench.tree_of(commit)

    # a series, commit by commit

    def _with_its_commits(self, verdict: Verdict, dossier: Dossier, release: str, account: Account) -> Verdict:
        if len(dossier.series) < 2 or verdict.kind is Kind.NOT_FOR_THIS_TREE:  # noqa: PLR2004 - one commit is the whole
            return verdict
        parts, tree = self._parts(dossier, release, account)
        states = {part.state for part in parts}
        verdict = replace(verdict, commits=parts)
        if states == {Kind.APPLIES, Kind.UPSTREAM} and verdict.kind is not Kind.UPSTREAM:
            return self._partly_there(verdict, dossier, release, tree)
        if states == {Kind.UPSTREAM} and verdict.kind is not Kind.UPSTREAM:
            last = parts[-1]
            return Verdict(
                Kind.UPSTREAM,
                upstream_commit=last.upstream_commit,
                evidence=last.evidence,
                detail=verdict.detail,
                commits=parts,
            )
        return verdict

    def _partly_there(self, verdict: Verdict, dossier: Dossier, release: str, tree: str) -> Verdict:
        """Some commits are in the release, the rest applies, be it one by one."""
        there = sum(part.state is Kind.UPSTREAM for part in verdict.commits)
        told = f"{there} of its {len(verdict.commits)} commits are in the release already"
        detail = _sentences(verdict.detail if told not in verdict.detail else "", f"{told}; the rest applies.")
        made = verdict.tree or tree
        commit = verdict.commit or self._commit(made, release, dossier.tip)
        return replace(
            verdict,
            kind=Kind.MERGES,
            tree=made,
            commit=commit,
            files=(),
            upstream_commit="",
            evidence="",
            detail=detail,
            way=verdict.way or Way.THREE_WAY,
        )

    def _parts(self, dossier: Dossier, release: str, account: Account) -> tuple[tuple[Part, ...], str]:
        """Each commit laid onto what those before it made; and the tree that came out of those that could be."""
        tree = self.bench.tree_of(release)
        parts = []
        for step, sighting in zip(dossier.series, account.steps, strict=True):
            commit, subject = step.commit.id, step.commit.subject
            if sighting:
                parts.append(Part(commit, subject, Kind.UPSTREAM, sighting.commit, sighting.evidence))
                continue
            merge = self._merger.merge(step.base, step.tree, tree)
            if not merge.is_clean:
                parts.append(Part(commit, subject, Kind.CONFLICTS, conflicts=merge.conflicts))
            elif merge.tree == tree:
                parts.append(Part(commit, subject, Kind.UPSTREAM, evidence=Evidence.EMPTY_MERGE))
            else:
                parts.append(Part(commit, subject, Kind.APPLIES))
                tree = merge.tree
        return tuple(parts), tree

    # files that moved

    def _moved(self, dossier: Dossier, release: str) -> tuple[tuple[str, str], ...]:
        needed = [entry.path for entry in dossier.entries if entry.status != "A"]
        gone = [path for path in needed if not self._layer.blob_at(release, path)]
        homes = self._renamed(dossier.base_tree, self.bench.tree_of(release)) if gone else {}
        return tuple((_shown(path), _shown(homes[path])) for path in gone if path in homes)

    def _renamed(self, old: str, new: str) -> dict[str, str]:
        if (old, new) not in self._renames:
            words = git(self.repo, *RENAMES, old, new).decode("utf-8", "surrogateescape").split("\0")
            self._renames[old, new] = dict(zip(words[1::3], words[2::3], strict=False))
        return self._renames[old, new]

    # without its base

    def _met_by_context(self, change: bytes, release: str) -> Verdict:
        """For a patch whose base is not here: its context lines alone say where it belongs."""
        tree = applied(self.bench, change, release) if change else ""
        if tree:
            return self._met_at_its_lines(change, release, tree)
        if change and applied(self.bench, change, release, "--reverse"):
            return Verdict(Kind.UPSTREAM, evidence=Evidence.REVERSE_APPLY)
        paths = strangeness.paths_changed(change)
        if self._is_strange("", release, paths):
            return self._not_for_this_tree(release, paths)
        return Verdict(Kind.NO_BASE, detail=NO_BASE)

    def _met_at_its_lines(self, change: bytes, release: str, tree: str) -> Verdict:
        made = self._differences.text(self.bench.tree_of(release), tree)
        moved = set(strangeness.HUNK.findall(change)) != set(strangeness.HUNK.findall(made))
        where = "at other lines than it names; look at the result" if moved else "at the lines that it names"
        commit = self._commit(tree, release, "")
        return Verdict(Kind.MERGES, tree, commit, detail=BY_CONTEXT.format(where=where), way=Way.CONTEXT)

    # patches of other trees

    def _is_strange(self, base: str, release: str, paths: Sequence[str]) -> bool:
        if not strangeness.is_strange(self.bench, self.annals, release, paths):
            return False
        return not base or not self._is_upstreams(base, release)

    def _is_upstreams(self, base: str, release: str) -> bool:
        """Whether the base shares history with the release, or is of any line of the component's own."""
        if any(map(int.__and__, self.annals.reach(base), self.annals.reach(release))):
            return True
        return bool(git(self.repo, "for-each-ref", "--count=1", f"--contains={base}", "refs/upstream/").strip())

    def _not_for_this_tree(self, release: str, paths: Sequence[str]) -> Verdict:
        told = strangeness.sentence(self.bench, release, paths, self._whose)
        return Verdict(Kind.NOT_FOR_THIS_TREE, detail=_shown(told))

    # the patched release

    def _commit(self, tree: str, release: str, tip: str) -> str:
        return patched_release(self.bench, tree, release, tip)


def _upstream(commit: str, evidence: Evidence, account: Account) -> Verdict:
    return Verdict(Kind.UPSTREAM, upstream_commit=commit, evidence=evidence, detail=" ".join(account.remarks))


def _committed(voice: Voice) -> None:
    for word in (b"start", b"commit"):
        if voice.until(b"\n") != word + b": ok":
            raise AssertionError(word)


def _told(renames: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"Upstream moved {old} to {new}." for old, new in renames)


def _shown(path: str) -> str:
    """A path that is not UTF-8 can be told but not stored."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _sentences(*told: str) -> str:
    return " ".join(filter(None, told))
