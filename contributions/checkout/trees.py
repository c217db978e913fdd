"""Trees with other blobs in them, made without a merge where there is nothing to merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.objects import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contributions.checkout.bench import Bench

Blob = tuple[str, str]  # mode, id


def with_blobs(bench: Bench, tree: str, blobs: Mapping[str, tuple[Blob, str]]) -> str | None:
    """The tree with other blobs at these paths: path -> (what stands there now, the blob that is to stand there).

    None if something else stands there.
    """
    wanted = {tuple(path.encode("utf-8", "surrogateescape").split(b"/")): each for path, each in blobs.items()}
    return _replaced(bench, tree, wanted)


def _replaced(bench: Bench, tree: str, wanted: Mapping[tuple[bytes, ...], tuple[Blob, str]]) -> str | None:
    entries = dict(bench.entries_of(tree))
    below: dict[bytes, dict[tuple[bytes, ...], tuple[Blob, str]]] = {}
    for (name, *rest), (old, new) in wanted.items():
        mode, here = entries.get(name, (b"", ""))
        if rest:
            below.setdefault(name, {})[tuple(rest)] = (old, new)
        elif (mode.decode(), here) != old:
            return None
        else:
            entries[name] = (mode, new)
    for name, inner in below.items():
        mode, here = entries.get(name, (b"", ""))
        made = _replaced(bench, here, inner) if mode == FOLDER else None
        if made is None:
            return None
        entries[name] = (mode, made)
    content = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(each)) for name, (mode, each) in entries.items())
    return bench.write("tree", content)
