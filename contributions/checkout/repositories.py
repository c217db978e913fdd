"""How a bare repository of ours is laid: no templates, no attributes of strangers, objects borrowed by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.runner import GitFailed, git, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A tree's own .gitattributes may hide hunks, drop files from an archive or change their text. This outranks it.
# The drivers are git's own; they say what a function is, so that the heading of a hunk names the one it is in.
DRIVERS = {
    "bash": "sh bash",
    "cpp": "c cc cpp cxx h hh hpp",
    "css": "css",
    "golang": "go",
    "html": "html htm",
    "java": "java",
    "perl": "pl pm t",
    "php": "php",
    "python": "py pyi",
    "ruby": "rb",
    "rust": "rs",
}
ATTRIBUTES = "* !diff !merge !text !eol !filter !ident !working-tree-encoding !export-ignore !export-subst\n" + "".join(
    f"*.{ending} diff={driver}\n" for driver, endings in DRIVERS.items() for ending in endings.split()
)


def new_repository(path: Path, *, borrowing: Path | None = None) -> Path:
    """An empty bare repository; `borrowing` is another one whose objects it sees."""
    run(["init", "-q", "--bare", "--object-format=sha1", "--template=", "-b", "main", str(path)])
    (path / "info").mkdir(exist_ok=True)
    (path / "info" / "attributes").write_text(ATTRIBUTES)
    if borrowing is not None:
        (path / "objects" / "info" / "alternates").write_text(f"{borrowing.resolve()}/objects\n")
    return path


def has_commit(repo: Path, commit: str) -> bool:
    try:
        git(repo, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitFailed as failure:
        if failure.timed_out:
            raise
        return False
    return True


def first_missing(repo: Path, commits: Sequence[str]) -> str:
    """The first of these ids that no commit of the repository has; empty if it has all of them."""
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    told = git(repo, "cat-file", "--batch-check=%(objecttype)", input=asked).decode().splitlines()
    return next((commit for commit, kind in zip(commits, told, strict=True) if kind != "commit"), "")


def commit_of(repo: Path, name: str) -> str:
    """The commit id behind a ref or an id. Raises GitFailed if there is none."""
    return git(repo, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}").decode().strip()


def is_ancestor(repo: Path, commit: str, of: str) -> bool:
    try:
        git(repo, "merge-base", "--is-ancestor", commit, of)
    except GitFailed as failure:
        if failure.code != 1:
            raise
        return False
    return True


def paths_in(repo: Path, commit: str) -> frozenset[str]:
    """Every path of a commit's tree; names that are not UTF-8 come as Python's surrogate escapes."""
    listed = git(repo, "ls-tree", "-r", "-z", "--name-only", commit)
    return frozenset(listed.decode("utf-8", "surrogateescape").split("\0")) - {""}
