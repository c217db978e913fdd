"""Trees with other blobs in them, made without a merge where there is nothing to merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.objects import ENTRY, FOLDER

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
    entries = {name: (mode, raw) for mode, name, raw in ENTRY.findall(bench.tree_content(tree))}
    below: dict[bytes, dict[tuple[bytes, ...], tuple[Blob, str]]] = {}
    for (name, *rest), (old, new) in wanted.items():
        mode, raw = entries.get(name, (b"", b""))
        if rest:
            below.setdefault(name, {})[tuple(rest)] = (old, new)
        elif (mode.decode(), raw.hex()) != old:
            return None
        else:
            entries[name] = (mode, bytes.fromhex(new))
    for name, inner in below.items():
        mode, raw = entries.get(name, (b"", b""))
        made = _replaced(bench, raw.hex(), inner) if mode == FOLDER else None
        if made is None:
            return None
        entries[name] = (mode, bytes.fromhex(made))
    content = b"".join(b"%s %s\0%s" % (mode, name, raw) for name, (mode, raw) in entries.items())
    return bench.write("tree", content)
