"""From the bytes that somebody sent to a series of patches in order, or to a sentence that says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from contributions.errors import Invalid
from contributions.patches.envelopes import Opening, open_envelopes
from contributions.patches.letters import Content, read_letter
from contributions.patches.limits import Limits
from contributions.patches.naming import settle
from contributions.patches.parsing import parse_diff
from contributions.patches.paths import shown
from contributions.patches.scanning import refuse_other_diffs, scan
from contributions.patches.series import Patch, Series
from contributions.patches.writing import LINK, write

if TYPE_CHECKING:
    from contributions.patches.envelopes import Letter
    from contributions.patches.naming import Exists, Named
    from contributions.patches.sent import SentFile


def read_series(raw: bytes, *, limits: Limits | None = None, exists: Exists | None = None) -> Series:
    """Read mails, mail folders, `git diff`, `git show`, `diff -u` and the like.

    `exists` tells whether a path is in the tree that the patch is meant for; with it, names whose leading directory
    is in doubt are settled. Raises Invalid or TooLarge; the sentence names the line.
    """
    limits = limits or Limits()
    limits.check_upload(len(raw))
    letters = open_envelopes(raw, Opening(limits))
    contents = [read_letter(letter, limits) for letter in letters]
    limits.check_files(sum(len(content.files) for content in contents))
    covers, parts = _covers_and_parts(contents)
    if not parts:
        _refuse_changeless(letters, contents, limits)
    patches = _patches(_in_order(_without_repeats(parts)), exists)
    _refuse_writing_through_links(patches)
    limits.check_patches(len(patches))
    base = next((content.base_commit for content in reversed(contents) if content.base_commit), None)
    return Series(patches, "\n\n".join(filter(None, covers)), base)


def _refuse_changeless(letters: list[Letter], contents: list[Content], limits: Limits) -> NoReturn:
    for letter in letters:
        for text in letter.texts:
            scan(text, limits)  # which has a sentence for much that is nearly a patch
    if any(content.is_mail for content in contents):
        raise Invalid(
            f"{letters[0].at}: this mail holds no patch; its commit is empty, or the diff was lost or quoted."
        )
    for text in letters[0].texts:
        refuse_other_diffs(text)
    raise Invalid("This is not a patch.")


def _covers_and_parts(contents: list[Content]) -> tuple[list[str], list[Content]]:
    """Letters that introduce, and letters that change something. A reply that changes nothing is only talk."""
    covers: list[str] = []
    parts: list[Content] = []
    total = sum(bool(content.files) for content in contents)
    for position, content in enumerate(contents):
        if content.files and content.subject.reply and position and parts:
            raise Invalid(f"{content.at}: this reply holds a patch too; send only those that are meant.")
        if content.files:
            parts.append(content)
        elif content.subject.part == 0 or _is_wrapping(content, position, total):
            covers.append(f"{content.subject.text}\n\n{content.message}".strip())
        elif not content.subject.reply and total:
            raise Invalid(f"{content.at}: the mail “{content.subject.text[:100]}” holds no patch.")
    return covers, parts


def _is_wrapping(content: Content, position: int, total: int) -> bool:
    """A first mail with nothing but words, before its attached patches or its series."""
    return position == 0 and total > 0 and content.subject.part is None


# order


def _without_repeats(parts: list[Content]) -> list[Content]:
    """The same mail twice is one; two different ones with the same number are a mix-up."""
    kept: list[Content] = []
    for content in parts:
        if not any(_same(content, other) for other in kept):
            kept.append(content)
    return kept


def _same(one: Content, other: Content) -> bool:
    return (one.subject, one.date, one.author) == (other.subject, other.date, other.author) and _substance(
        one
    ) == _substance(other)


def _substance(content: Content) -> list[tuple[object, ...]]:
    return [
        (sent.names, sent.old, sent.new, sent.modes, sent.binary, [(hunk.numbers, hunk.lines) for hunk in sent.hunks])
        for sent in content.files
    ]


def _in_order(parts: list[Content]) -> list[Content]:
    numbered = [content for content in parts if content.subject.part]
    if not numbered:
        return parts
    if len(numbered) < len(parts):
        odd = next(content for content in parts if not content.subject.part)
        raise Invalid(f"{odd.at}: “{odd.subject.text[:100]}” has no number among numbered parts of a series.")
    _refuse_mixture(numbered)
    _refuse_gaps(numbered)
    return sorted(numbered, key=lambda content: content.subject.part or 0)


def _refuse_mixture(parts: list[Content]) -> None:
    first = parts[0].subject
    for content in parts[1:]:
        subject = content.subject
        if subject.version != first.version:
            raise Invalid(
                f"{content.at}: parts of version {first.version} and version {subject.version} are mixed here."
            )
        if subject.parts != first.parts:
            raise Invalid(
                f"{content.at}: parts of two series are mixed here, of {first.parts} and of {subject.parts} parts."
            )


def _refuse_gaps(parts: list[Content]) -> None:
    total = parts[0].subject.parts or 0
    seen: set[int] = set()
    for content in parts:
        part = content.subject.part or 0
        if part in seen:
            raise Invalid(f"{content.at}: part {part} of {total} is here twice, and the two differ.")
        if part > total:
            raise Invalid(f"{content.at}: this calls itself part {part} of {total}.")
        seen.add(part)
    missing = [str(part) for part in range(1, total + 1) if part not in seen]
    if missing:
        raise Invalid(f"{parts[0].at}: the series has {total} parts, but part {', '.join(missing[:20])} is missing.")


# patches


def _patches(parts: list[Content], exists: Exists | None) -> tuple[Patch, ...]:
    known = _Known(exists) if exists else None
    patches = []
    for position, content in enumerate(parts, 1):
        named = settle(content.files, known)
        patches.append(_patch(content, named, position, len(parts)))
        if known:
            known.note(named)
    return tuple(patches)


class _Known:
    """Which paths there are after the patches read so far."""

    def __init__(self, exists: Exists) -> None:
        self.exists = exists
        self.changed: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        return self.changed.get(path, False) or (path not in self.changed and self.exists(path))

    def note(self, named: list[Named]) -> None:
        for names in named:
            if names.old:
                self.changed[shown(names.old)] = False
        for names in named:
            if names.new:
                self.changed[shown(names.new)] = True


def _patch(content: Content, named: list[Named], part: int, parts: int) -> Patch:
    _refuse_twice_named(content.files, named)
    if content.line_ends_guessed:
        _refuse_guessed_line_ends(content.files, named)
    pairs = list(zip(content.files, named, strict=True))
    diff = b"".join(write(sent, names) for sent, names in pairs)
    places = {shown(path): sent.at for sent, names in pairs for path in (names.old, names.new) if path}
    blobs = {shown(names.old): sent.blobs[0] for sent, names in pairs if names.old and sent.blobs[0]}
    name, email = content.author
    return Patch(
        content.subject.text,
        content.message,
        name,
        email,
        content.date,
        diff,
        part,
        parts,
        blobs,
        places,
        frozenset(places),
    )


def _refuse_guessed_line_ends(files: list[SentFile], named: list[Named]) -> None:
    """Of a changed file the context tells whether its lines have a CR, of a new one only the blob id."""
    for sent, names in zip(files, named, strict=True):
        if names.old is None and sent.hunks and not sent.blobs[1]:
            raise Invalid(
                f"{sent.at}: every line of the upload ends with CR LF, and nothing tells whether those of the new file "
                f"“{shown(names.new or b'')}” shall; use git format-patch."
            )


def _refuse_twice_named(files: list[SentFile], named: list[Named]) -> None:
    """One file changed twice in one patch is two patches glued together, which git would apply one over the other."""
    seen: dict[bytes, SentFile] = {}
    for sent, names in zip(files, named, strict=True):
        for path in {names.old if sent.verb != "copy" else None, names.new} - {None}:
            earlier = seen.setdefault(path or b"", sent)
            if earlier is not sent and not _replaces(earlier, sent):
                raise Invalid(f"{sent.at}: “{shown(path or b'')}” was changed before, from {earlier.at.lower()} on.")


def _replaces(earlier: SentFile, later: SentFile) -> bool:
    """A change of type, such as a file that becomes a link, is to git a removal and an addition."""
    return "deleted file mode" in earlier.modes and "new file mode" in later.modes


def _refuse_writing_through_links(patches: tuple[Patch, ...]) -> None:
    links: dict[str, str] = {}
    for patch in patches:
        links |= _links_made(patch)
        for path in patch.paths:
            for link, place in links.items():
                if path.startswith(link + "/"):
                    raise Invalid(
                        f"{patch.lines[path]}: “{path}” lies beyond the symbolic link made from {place.lower()} on."
                    )


def _links_made(patch: Patch) -> dict[str, str]:
    mode = f"mode {LINK}".encode()
    if mode not in patch.diff:
        return {}
    return {
        change.new_path: patch.lines[change.new_path]
        for change in parse_diff(patch.diff)
        if change.new_mode == LINK and change.status != "deleted"
    }
