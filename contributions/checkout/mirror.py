"""A component's mirror: upstream's branches and tags, and beside them the revisions that were fitted to it.

`<mirror>/upstream.git` holds what upstream gave and nothing else; the mirror borrows its objects and has refs
of its own. A stranger's fetch may borrow from upstream.git only, so it can never see another one's revision.
Both are caches: they may vanish and are fetched again.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from contributions import patterns
from contributions.checkout.addresses import check_url
from contributions.checkout.bundles import unpack
from contributions.checkout.repositories import has_commit, new_repository
from contributions.checkout.runner import GIB, Fence, GitFailed, git
from contributions.errors import Refusal, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

REFS = "refs/upstream/"
KINDS = {"heads": "branch", "tags": "tag"}
LONGEST = 1800  # seconds that the first fetch of a large component may take
LOOSE_ENOUGH = 5000  # loose objects from which packing them pays

# Flaws that real histories carry from old tools; what is dangerous in a checkout stays an error.
OLD_FLAWS = tuple(
    f"fetch.fsck.{flaw}=warn"
    for flaw in ("badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode", "missingEmail", "badEmail")
)
# A server that counts a large history's objects says little for a while.
PATIENCE = ("http.lowSpeedTime=120",)
FIELDS = "%(refname)%00%(objecttype)%00%(objectname)%00%(committerdate:unix)"
PEELED = "%00%(*objecttype)%00%(*objectname)%00%(*committerdate:unix)"
TOKEN = re.compile(r"\d+|[a-z]+")
BEFORE_RELEASE = frozenset({"dev", "a", "alpha", "b", "beta", "c", "rc", "pre", "preview"})


@dataclass(frozen=True)
class Found:
    """A tag or a branch (`kind`) of upstream, the commit it names and when that was made, if that is a date."""

    name: str
    kind: str
    commit: str
    committed_at: datetime | None

    @property
    def ref(self) -> str:
        return self.name


def upstream_of(mirror: Path) -> Path:
    return mirror / "upstream.git"


def fetch_mirror(mirror: Path, url: str, *, allow_private: bool, timeout: float = LONGEST) -> None:
    """Bring the mirror up to upstream's branches and tags, making it if need be.

    Raises Invalid for an address that the portal does not follow, Trouble if upstream does not answer well.
    """
    address = check_url(url, allow_private=allow_private)
    fence = Fence(
        file_bytes=8 * GIB,
        memory_bytes=4 * GIB,
        cpu_seconds=LONGEST,
        protocols=address.scheme,
        configuration=(*address.configuration, *OLD_FLAWS, *PATIENCE),
    )
    options = ("--prune", "--no-tags", "--no-recurse-submodules", "--no-auto-gc", "--no-write-fetch-head", "-q")
    wanted = (f"+refs/tags/*:{REFS}tags/*", f"+refs/heads/*:{REFS}heads/*")
    with locked(mirror):
        upstream = _laid(mirror)
        try:
            command = ("fetch", *options, "--end-of-options", address.pinned_url, *wanted)
            git(upstream, *command, env=address.environment, timeout=timeout, fence=fence)
        except GitFailed as failure:
            raise Trouble(f"Upstream could not be pulled: {_last_line(failure)}") from failure
        finally:
            _sweep(upstream)
        _take_over_refs(upstream, mirror)
        _tidy(mirror)


def _last_line(failure: GitFailed) -> str:
    if failure.timed_out:
        return "it took too long."
    return (failure.stderr.strip().splitlines() or ["git said nothing."])[-1][:300]


@contextmanager
def locked(mirror: Path) -> Iterator[None]:
    """One at a time; the lock goes with the process that holds it."""
    mirror.parent.mkdir(parents=True, exist_ok=True)
    with mirror.with_name(f"{mirror.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _laid(mirror: Path) -> Path:
    if not (upstream_of(mirror) / "HEAD").exists():
        fresh = mirror.with_name(f"{mirror.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(mirror, ignore_errors=True)
        new_repository(fresh)
        new_repository(upstream_of(fresh))
        # Relative to the objects directory, so that the mirror may be moved.
        (fresh / "objects" / "info" / "alternates").write_text("../upstream.git/objects\n")
        fresh.rename(mirror)
    return upstream_of(mirror)


def _sweep(repo: Path) -> None:
    """What a fetch that was ended leaves behind; the caller holds the lock."""
    for left in [*repo.glob("objects/pack/tmp_*"), *repo.glob("objects/pack/.tmp-*")]:
        left.unlink(missing_ok=True)
    for folder in repo.glob("objects/incoming-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _take_over_refs(upstream: Path, mirror: Path) -> None:
    theirs, ours = _refs(upstream), _refs(mirror)
    gone = [b"delete " + ref for ref in ours if ref not in theirs]
    new = [b"update %s %s" % (ref, target) for ref, target in theirs.items() if ours.get(ref) != target]
    if gone or new:
        # Deletions first: a branch `a/b` may have made place for a branch `a`.
        for lines in (gone, new):
            git(mirror, "update-ref", "--stdin", input=b"".join(line + b"\n" for line in lines))


def _refs(repo: Path) -> dict[bytes, bytes]:
    """As bytes: git's names of branches and tags need be no text."""
    listed = git(repo, "for-each-ref", "--format=%(refname) %(objectname)", REFS)
    return dict(line.rsplit(b" ", 1) for line in listed.split(b"\n")[:-1])


def ensure_bundle(mirror: Path, bundle: IO[bytes], *, tip: str, name: str) -> None:
    """See to it that the mirror holds a revision's commits, under refs/revisions/`name`.

    The bundle is read only if they are not there. Raises Trouble if it is not what was stored.
    """
    ref = f"refs/revisions/{name}"
    with suppress(GitFailed):  # git names no commit that it has not, so asking first would be asking twice
        git(mirror, "update-ref", ref, tip)
        return
    if not has_commit(mirror, tip):
        try:
            found = unpack(mirror, bundle.read())
        except Refusal as refusal:
            raise Trouble(f"A stored bundle cannot be unpacked: {refusal.sentence}") from refusal
        if found != tip:
            raise Trouble(f"A stored bundle holds {found[:12]} instead of {tip[:12]}.")
    git(mirror, "update-ref", ref, tip)


def held(mirror: Path, revisions: Mapping[str, str]) -> set[str]:
    """Those of the revisions (name -> tip) that the mirror holds under refs/revisions/, asked all at once."""
    names = list(revisions)
    asked = "".join(f"refs/revisions/{name}\n" for name in names).encode()
    listed = git(mirror, "cat-file", "--batch-check=%(objectname)", input=asked).decode().splitlines()
    return {name for name, tip in zip(names, listed, strict=True) if tip == revisions[name]}


def _tidy(mirror: Path) -> None:
    """Pack loose objects; nothing is ever dropped, as somebody may be about to name it."""
    for repo in (mirror, upstream_of(mirror)):
        loose = int(git(repo, "count-objects").split()[0])
        packs = len(list(repo.glob("objects/pack/*.pack")))
        if loose > LOOSE_ENOUGH or packs > 50:  # noqa: PLR2004 - git's own gc.autoPackLimit
            git(repo, "repack", "-q", "-a", "-d", "-l", "--keep-unreachable", timeout=LONGEST)


def releases_in(mirror: Path, pattern: str) -> list[Found]:
    """Upstream's tags and branches whose whole name matches, oldest version first."""
    return matching(names_in(mirror), pattern)


def names_in(mirror: Path) -> list[Found]:
    """Upstream's branches and tags whose names are text that can be shown."""
    listed = git(mirror, "for-each-ref", f"--format={FIELDS}{PEELED}", f"{REFS}heads", f"{REFS}tags")
    lines = listed.decode("utf-8", "surrogateescape").split("\n")[
        :-1
    ]  # splitlines() would split in the midst of a name
    found = (_release(line.split("\0")) for line in lines)
    return [each for each in found if each and each.name.isprintable()]


def matching(names: Iterable[Found], pattern: str, noun: str = "release pattern") -> list[Found]:
    """Those whose whole name matches, oldest version first; a tag hides a branch of the same name.

    Raises Invalid if the pattern, which `noun` names, is no regular expression.
    """
    wanted = patterns.read(pattern, noun, field=noun.replace(" ", "_"))
    found = {each.name: each for each in names if wanted.fullmatch(each.name)}
    return sorted(found.values(), key=lambda release: version_order(release.name))


def _release(fields: list[str]) -> Found | None:
    ref, *target = fields
    kind, commit, when = target[:3] if target[0] == "commit" else target[3:]
    if kind != "commit":
        return None
    folder, _, name = ref.removeprefix(REFS).partition("/")
    return Found(name, KINDS[folder], commit, _date(when))


def _date(seconds: str) -> datetime | None:
    """Some commits carry dates that no calendar has."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def version_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """1.9 < 1.10.0rc1 < 1.10.0 < 1.10.0.1: numbers by value, a candidate before its release."""
    tokens = TOKEN.findall(re.sub(r"^v(?=\d)", "", name.lower()))
    return (*(_token(token) for token in tokens), (1, 0, ""))


def version_of(name: str) -> tuple[tuple[int, int, str], ...]:
    """The version that a candidate or a final release is of: 2.38.0rc1 is of 2.38, as 2.38.0 is."""
    tokens: list[tuple[int, int, str]] = []
    for token in version_order(name)[:-1]:
        if not token[0]:
            break
        tokens.append(token)
    while tokens and tokens[-1][:2] == (2, 0):
        tokens.pop()
    return tuple(tokens)


def _token(token: str) -> tuple[int, int, str]:
    if token.isdigit():
        return (2, int(token), "")
    return (0 if token in BEFORE_RELEASE else 3, 0, token)
