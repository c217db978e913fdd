"""Changes made by real git, kept as the portal keeps them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from contributions.checkout import commits, sameness
from contributions.models import Blob
from contributions.patches import parse_diff
from contributions.pipeline.files import told_of
from contributions.pipeline.siding import sides_of
from tests.factories import make_revision
from tests.platform import GIT_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from contributions.models import Revision

    Files = Mapping[str, bytes | None]

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000030802000000368849d6"
    "0000001049444154789c63f8cfc0008408f21f00250d04fcd5ff6d130000000049454e44ae426082"
)  # 2 by 3 pixels


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=place, env=GIT_IDENTITY, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(place: Path, files: Files) -> str:
    """Write the files (None removes one, b"-> x" makes a link to x, a name's trailing * makes it executable)."""
    for name, content in files.items():
        path = place / name.removesuffix("*")
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None and content.startswith(b"-> "):
            path.symlink_to(os.fsdecode(content[3:]))
        elif content is not None:
            path.write_bytes(content)
            path.chmod(0o755 if name.endswith("*") else 0o644)
    git(place, "add", "-A")
    git(place, "commit", "-q", "--allow-empty", "-m", "A change")
    return git(place, "rev-parse", "HEAD")


def make_change(place: Path, before: Files, after: Files, *, keep_sides: bool = True, **given: Any) -> Revision:
    """A received revision that makes `after` of `before`, with what is kept beside its diff."""
    place.mkdir(exist_ok=True)
    git(place, "init", "-q", "-b", "main")
    base, tip = commit(place, before), commit(place, after)
    repository = place / ".git"
    diff = commits.diff(repository, base, tip)
    files = parse_diff(diff)
    sides = sides_of(repository, files)
    kept = Blob.objects.keep_bytes(sides.packed) if sides.packed and keep_sides else None
    facts = sides.facts if keep_sides else [{} for _ in files]
    usual = {
        "files": [told_of(file) | fact for file, fact in zip(files, facts, strict=True)],
        "sides": kept,
        "base_commit": base,
        "tip_commit": tip,
        "fingerprints": sameness.file_fingerprints(repository, base, tip),
    }
    return make_revision(diff=diff, **(usual | given))
