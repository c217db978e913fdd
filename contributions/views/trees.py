"""The files of a change as a tree of folders. Written as strings: there may be thousands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from contributions.markup import reveal_code

from .diffs import anchor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST = 300  # entries that a tree has open; folders beyond are links to what is in them
SHORT = {"added": "A", "deleted": "D", "renamed": "R", "copied": "C", "mode": "M", "modified": "M"}


@dataclass
class Folder:
    """A folder, by the path that leads to it; `count` has the files below it, at whatever depth."""

    path: str = ""
    name: str = ""
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[int] = field(default_factory=list)
    count: int = 0
    is_open: bool = False


@dataclass(frozen=True)
class Leading:
    """Where the entries lead: to the place of a file, and to a page of what is in a folder."""

    to_file: Callable[[int], str]
    to_folder: Callable[[str], str]
    viewed: frozenset[str] = frozenset()


def tree(files: Sequence[dict[str, Any]], indexes: Iterable[int], leading: Leading) -> SafeString:
    """The `<ul>` of the files of these numbers; folders that hold nothing but one folder are one entry with it."""
    root = _planted(files, indexes)
    _open(root)
    return mark_safe("".join(_list(root, files, leading)))  # noqa: S308 - every name in it went through escape()


def _planted(files: Sequence[dict[str, Any]], indexes: Iterable[int]) -> Folder:
    root = Folder()
    for index in indexes:
        folder = root
        folder.count += 1
        *above, _ = str(files[index]["path"]).split("/")
        for name in above:
            folder = folder.folders.setdefault(name, Folder(f"{folder.path}{name}/", name))
            folder.count += 1
        folder.files.append(index)
    return root


def _open(root: Folder) -> None:
    """Open folders from the root down, level by level, for as long as the entries do."""
    level, left = [root], MOST
    while level:
        below: list[Folder] = []
        for folder in level:
            _join_chains(folder)
            size = len(folder.folders) + len(folder.files)
            folder.is_open = folder is root or size <= left
            if folder.is_open:
                left -= size
                below.extend(folder.folders.values())
        level = below


def _join_chains(folder: Folder) -> None:
    joined = {}
    for name, child in folder.folders.items():
        words, inner = name, child
        while len(inner.folders) == 1 and not inner.files:
            ((last, inner),) = inner.folders.items()
            words = f"{words}/{last}"
        inner.name = words
        joined[words] = inner
    folder.folders = joined


def _list(folder: Folder, files: Sequence[dict[str, Any]], leading: Leading) -> Iterable[str]:
    yield "<ul>"
    for child in folder.folders.values():
        yield from _folder(child, files, leading)
    for index in folder.files[:MOST]:
        yield _file(index, files[index], leading)
    if len(folder.files) > MOST:
        yield f'<li class="faint">and {len(folder.files) - MOST:,} more</li>'
    yield "</ul>"


def _folder(folder: Folder, files: Sequence[dict[str, Any]], leading: Leading) -> Iterable[str]:
    name = f'{escape(reveal_code(folder.name))}/ <span class="count">{folder.count:,}</span>'
    if not folder.is_open:
        yield f'<li class="tree-closed"><a href="{escape(leading.to_folder(folder.path))}">{name}</a></li>'
        return
    yield f"<li><details open><summary>{name}</summary>"
    yield from _list(folder, files, leading)
    yield "</details></li>"


def _file(index: int, known: dict[str, Any], leading: Leading) -> str:
    path, status = str(known["path"]), str(known["status"])
    name = escape(reveal_code(path.rpartition("/")[2]))
    viewed = ' <span class="seen">✓<span class="unseen"> viewed</span></span>' if path in leading.viewed else ""
    mark = f'<abbr class="kind-mark" title="{escape(status)}">{SHORT.get(status, "M")}</abbr>'
    counts = f'<span class="plus">+{known["added"]}</span> <span class="minus">&minus;{known["removed"]}</span>'
    place = f'data-for="{anchor_of(path)}"'
    return f'<li {place}>{mark}<a href="{escape(leading.to_file(index))}">{name}</a> {counts}{viewed}</li>'
