"""Whose paths a patch has that has nothing to do with a component: another component's, or an installed package's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from contributions.checkout.annals import Annals
    from contributions.checkout.bench import Bench

    Whose = Callable[[Sequence[str]], str]

INSTALLED = re.compile(r"(?:^|.*/)(?:site|dist)-packages/(?P<inner>(?P<package>[^/]+)(?:/.+|\.py))")
OLD_NAME = re.compile(rb"^--- (?:\"?a/)?(.+?)\"?(?:\t.*)?\n\+\+\+ ", re.MULTILINE)
HUNK = re.compile(rb"^@@ -(\d+)", re.MULTILINE)
PLACES = ("", "src/", "lib/")  # where a repository has the packages that it installs


def paths_changed(change: bytes) -> list[str]:
    """The paths that a diff needs: those that it changes or deletes, not those that it adds."""
    found = {name.decode("utf-8", "surrogateescape") for name in OLD_NAME.findall(change)}
    return sorted(found - {"/dev/null"})


def is_strange(bench: Bench, annals: Annals, release: str, paths: Sequence[str]) -> bool:
    """Whether none of the paths is in the release, nor ever was in its history."""
    return bool(paths) and not any(
        bench.objects.find(f"{release}:{path}") or _was_there(annals, release, path) for path in paths
    )


def _was_there(annals: Annals, release: str, path: str) -> bool:
    return any(annals.holds(release, commit.id) for commit in annals.touching([path]))


def sentence(bench: Bench, release: str, paths: Sequence[str], whose: Whose | None) -> str:
    installed = [found for found in map(INSTALLED.fullmatch, paths) if found]
    if installed:
        return _of_an_installed_package(bench, release, installed)
    component = whose(paths) if whose else ""
    named = _named(paths)
    if component:
        return f"Its paths are those of the component {component}: {named}."
    return f"Neither this release nor its history has the files that it changes: {named}."


def _of_an_installed_package(bench: Bench, release: str, installed: Sequence[re.Match[str]]) -> str:
    package = installed[0]["package"].removesuffix(".py")
    first = f"Its paths are those of an installed package, {package}: {_named([found[0] for found in installed])}."
    pairs = ((found[0], _home(bench, release, found["inner"])) for found in installed)
    told = [f"{path} would be {home} here" for path, home in pairs if home]
    return f"{first} {'; '.join(told[:3])}." if told else f"{first} This component has no such package."


def _home(bench: Bench, release: str, inner: str) -> str:
    homes = (place + inner for place in PLACES)
    return next((home for home in homes if bench.objects.find(f"{release}:{home}")), "")


def _named(paths: Iterable[str]) -> str:
    names = list(paths)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004 - as shown
