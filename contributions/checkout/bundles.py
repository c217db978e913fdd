"""Bundles: a revision's commits in one file that any git takes. The header is read and written here.

`git bundle unbundle` does not check objects, so the pack inside goes to index-pack, which does.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contributions.checkout.repositories import commit_of, first_missing
from contributions.checkout.runner import MIB, Fence, GitFailed, git, run
from contributions.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BUNDLE = 64 * MIB
MAX_HEADER_LINES = 20_000  # branches and tags that it brings, and commits that it stands on
PACK_DIGEST = 20  # bytes at the end of a pack
REF = "refs/heads/patch"
LINE = re.compile(rb"(?P<minus>-?)(?P<id>[0-9a-f]{40})(?: (?P<name>[^\n]*))?")
FSCK = re.compile(r"^(?:error|fatal): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Bundle:
    """What stands in the header; the pack begins at byte `pack`."""

    needs: tuple[str, ...]
    tips: dict[str, str]
    pack: int

    @property
    def only_tip(self) -> str:
        if len(set(self.tips.values())) != 1:
            raise Invalid("The bundle brings several branches; make one of the branch that is meant.", field="patch")
        return next(iter(self.tips.values()))

    def tip_of(self, ref: str) -> str:
        """The commit of a branch or tag by its short or whole name; raises Invalid that lists what there is."""
        for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}"):
            if name in self.tips:
                return self.tips[name]
        raise Invalid(f"The bundle has no {ref}. {said_of_branches(self.tips)}", field="git_ref")


def read_header(raw: bytes) -> Bundle:
    """Raises Invalid if this is not a bundle of version 2 or 3 with SHA-1 ids."""
    needs: list[str] = []
    tips: dict[str, str] = {}
    start = raw.find(b"\n") + 1
    if raw[:start] not in {b"# v2 git bundle\n", b"# v3 git bundle\n"}:
        raise Invalid("This is not a git bundle.", field="patch")
    for _ in range(MAX_HEADER_LINES):
        end = raw.find(b"\n", start)
        line, start = raw[start:end], end + 1
        if end < 0 or not line:
            break
        if line.startswith(b"@") and line != b"@object-format=sha1":
            raise Invalid("The bundle needs an ability of git that the portal does not have.", field="patch")
        if found := LINE.fullmatch(line):
            _sort(found, needs, tips)
    else:
        raise Invalid("The bundle names too many branches; make one of the branch that is meant.", field="patch")
    if not tips or raw[start : start + 4] != b"PACK":
        raise Invalid("The bundle is broken: it names no commit or holds no pack.", field="patch")
    return Bundle(tuple(needs), tips, start)


def _sort(line: re.Match[bytes], needs: list[str], tips: dict[str, str]) -> None:
    if line["minus"]:
        needs.append(line["id"].decode())
    else:
        tips[(line["name"] or b"").decode("utf-8", "replace")] = line["id"].decode()


def unpack(into: Path, raw: bytes, *, ref: str = "") -> str:
    """Put a bundle's objects into a repository, checked one by one; answers the one commit that it brings, or `ref`'s.

    Raises Invalid or TooLarge with a sentence.
    """
    if len(raw) > MAX_BUNDLE:
        raise TooLarge(f"A bundle may have {MAX_BUNDLE // MIB} MiB.", field="patch")
    bundle = read_header(raw)
    if missing := first_missing(into, bundle.needs):
        raise Invalid(f"The bundle was made on commit {missing[:12]}, which upstream does not have.", field="patch")
    tip = bundle.tip_of(ref) if ref else bundle.only_tip
    _index(into, raw[bundle.pack :])
    try:
        return commit_of(into, tip)
    except GitFailed as failure:
        raise Invalid("The bundle does not hold the commit that it names.", field="patch") from failure


def said_of_branches(names: Iterable[str], most: int = 20) -> str:
    """What there is to choose from, in one sentence."""
    short = sorted({name.removeprefix("refs/heads/") for name in names} - {"HEAD"})
    shown = ["".join(letter if letter.isprintable() else "?" for letter in name)[:80] for name in short[:most]]
    more = f" and {len(short) - most} more" if len(short) > most else ""
    return f"It has {', '.join(shown)}{more}." if shown else "It has no branch."


def _index(into: Path, pack: bytes) -> None:
    command = ("index-pack", "--stdin", "--fix-thin", "--strict", "--threads=1", f"--max-input-size={MAX_BUNDLE}")
    try:
        git(into, *command, input=pack, fence=Fence())
    except GitFailed as failure:
        raise Invalid(f"git refuses the objects in the bundle: {complaint(failure.stderr)}", field="patch") from failure


def complaint(said: str) -> str:
    """The first thing that git complains of, in its own words, without ours around it."""
    found = FSCK.search(said)
    words = found[1] if found else "they are broken"
    return "".join(letter if letter.isprintable() else " " for letter in words)[:200]


def write_bundle(repo: Path, base: str, tip: str) -> bytes:
    """base..tip as a bundle; the same commits give the same bytes, whatever repository holds them.

    Whole objects, no deltas: which deltas git chooses depends on how the repository happens to be packed.
    """
    header = f"# v2 git bundle\n-{base}\n{tip} {REF}\n\n".encode()
    options = ("--stdout", "--revs", "--window=0", "--no-reuse-delta", "--no-reuse-object")
    pack = git(repo, "pack-objects", "-q", *options, input=f"{tip}\n^{base}\n".encode(), fence=Fence())
    if len(header) + len(pack) > MAX_BUNDLE:
        raise TooLarge(f"The commits take more than {MAX_BUNDLE // MIB} MiB.")
    return header + pack


def index_of(pack: bytes) -> tuple[str, bytes]:
    """The name that git gives to a pack, and the index that belongs to it."""
    with tempfile.TemporaryDirectory(prefix="pack-") as folder:
        place, index = Path(folder, "one.pack"), Path(folder, "one.idx")
        place.write_bytes(pack)
        run(["index-pack", "--threads=1", "-o", str(index), str(place)], fence=Fence())
        return pack[-PACK_DIGEST:].hex(), index.read_bytes()
