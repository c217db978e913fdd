"""Where upstream shows its commits on the web, for the forges whose addresses are known."""

from __future__ import annotations

import re

# Host -> how the address of a commit goes on after that of the repository.
FORGES = {
    "github.com": "/commit/",
    "gitlab.com": "/-/commit/",
    "opendev.org": "/commit/",
    "codeberg.org": "/commit/",
    "gitea.com": "/commit/",
    "bitbucket.org": "/commits/",
    "salsa.debian.org": "/-/commit/",
    "gitlab.freedesktop.org": "/-/commit/",
    "gitlab.gnome.org": "/-/commit/",
}
REPOSITORY = re.compile(r"https?://([a-z0-9.-]+)((?:/[A-Za-z0-9][A-Za-z0-9._-]*){2,6})")
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def commit_address(upstream_url: str, commit: str) -> str:
    """The page of a commit, or nothing where the repository is of no known forge."""
    found = REPOSITORY.fullmatch(upstream_url.removesuffix("/").removesuffix(".git"))
    if found is None or found[1] not in FORGES or COMMIT.fullmatch(commit) is None:
        return ""
    return f"https://{found[1]}{found[2]}{FORGES[found[1]]}{commit}"
