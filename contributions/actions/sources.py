"""Where a revision comes from: an uploaded patch, a git server, an uploaded executable, or the words themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings

from contributions.checkout import addresses
from contributions.errors import Invalid
from contributions.models import Blob, Contribution, Revision
from contributions.patches import is_bundle
from contributions.plaintext import clean

from .rendering import rendered
from .words import prose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import Component, Person

CLAIM = re.compile(r"#?(?P<number>\d{1,9})(?:\s*v(?P<revision>\d{1,6}))?")
HEAD = 64  # bytes that tell a git bundle from a patch
Kind = Contribution.Kind
PATCHED = frozenset({Kind.REFINEMENT, Kind.IMPROVEMENT})


class Upload(Protocol):
    """An uploaded file, streamed."""

    @property
    def name(self) -> str | None: ...

    def chunks(self) -> Iterator[bytes]: ...


class Source(Protocol):
    @property
    def kinds(self) -> frozenset[str]: ...

    def stored(self) -> dict[str, Any]:
        """Store the bytes and return the columns of the revision that name them; raises Refusal."""
        ...


@dataclass(frozen=True)
class PatchFile:
    """A patch, a mailbox of patches, or a git bundle."""

    file: Upload
    kinds: frozenset[str] = PATCHED

    def stored(self) -> dict[str, Any]:
        blob = Blob.objects.keep(self.file.chunks(), most=settings.MAX_PATCH_BYTES, what="The patch")
        with blob.open() as content:
            bundled = is_bundle(content.read(HEAD))
        source = Revision.Source.BUNDLE if bundled else Revision.Source.PATCH
        return {"source": source, "raw": blob, "filename": base_name(self.file.name)}


@dataclass(frozen=True)
class GitRef:
    """A branch, tag or commit on a git server that the worker can reach."""

    url: str
    ref: str
    kinds: frozenset[str] = PATCHED

    def stored(self) -> dict[str, Any]:
        addresses.check_url(self.url, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
        addresses.check_ref(self.ref)
        return {"source": Revision.Source.GIT, "git_url": self.url, "git_ref": self.ref}


@dataclass(frozen=True)
class ArtifactFile:
    """A prebuilt executable; `sha256`, when given, is what its sender computed.

    `claims` names the revision that it says it was built from, as #12 or #12 v3.
    """

    file: Upload
    sha256: str = ""
    claims: str = ""
    kinds: frozenset[str] = frozenset({Kind.EXECUTABLE})

    def stored(self) -> dict[str, Any]:
        name = base_name(self.file.name)
        blob = Blob.objects.keep(self.file.chunks(), most=settings.MAX_ARTIFACT_BYTES, what="The artifact")
        if self.sha256 and self.sha256.strip().lower() != blob.sha256:
            raise Invalid(f"The file has the SHA-256 {blob.sha256}, not the one you gave.", field="sha256")
        return {"source": Revision.Source.ARTIFACT, "raw": blob, "filename": name, "fingerprint": blob.sha256}


@dataclass(frozen=True)
class Note:
    """An experience: its words are what the revision is."""

    text: str
    kinds: frozenset[str] = frozenset({Kind.EXPERIENCE})

    def stored(self) -> dict[str, Any]:
        text = prose(self.text, most=settings.MAX_TEXT_BYTES, what="The note", field="description")
        if not text:
            raise Invalid("Tell your experience in the description.", field="description")
        blob = Blob.objects.keep_bytes(text.encode())
        stored = {"source": Revision.Source.NOTE, "raw": blob, "filename": "note.md", "fingerprint": blob.sha256}
        return stored | {"text": text, "html": rendered(text, places=True)}


@dataclass(frozen=True)
class Suggestions:
    """Edits of lines that peers suggested for a revision, as the JSON that the worker reads."""

    amends: Revision
    edits: bytes
    kinds: frozenset[str] = PATCHED

    def stored(self) -> dict[str, Any]:
        blob = Blob.objects.keep_bytes(self.edits)
        return {"source": Revision.Source.SUGGESTION, "raw": blob, "filename": "edits.json", "amends": self.amends}


def revision_claimed(words: str, *, component: Component, person: Person) -> Revision | None:
    """The received patch that an executable says it was built from; None when it says nothing. Raises Invalid."""
    if not words.strip():
        return None
    named = CLAIM.fullmatch(words.strip())
    if named is None:
        raise Invalid("Name what it was built from by its number, as #12 or #12 v3.", field="claims")
    seen = Contribution.objects.visible_to(person).filter(pk=named["number"], component=component)
    contribution = seen.select_related("current").first()
    if contribution is None or not contribution.has_patch or contribution.current is None:
        raise Invalid(
            f"There is no patch #{named['number']} of {component.name} that it could be built from.", field="claims"
        )
    if named["revision"] is None:
        return contribution.current
    found: Revision | None = contribution.revisions.filter(
        number=named["revision"], state=Revision.State.RECEIVED
    ).first()
    if found is None:
        raise Invalid(f"#{contribution.pk} has no v{named['revision']}.", field="claims")
    return found


def base_name(name: str | None) -> str:
    """The last part of a file's name, in one line of at most 255 characters."""
    last = PurePosixPath(clean(name or "").replace("\\", "/").replace("\n", " ")).name
    return last[-255:] or "unnamed"
