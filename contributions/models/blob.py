"""Bytes that never change, found by their SHA-256."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Self

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models.functions import Now

from contributions.errors import Invalid, TooLarge, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPOOL = 1 << 20  # above 1 MiB the bytes on their way wait on disk, not in memory
CHUNK = 1 << 16


@contextmanager
def _our_disk() -> Iterator[None]:
    """A disk that is full or cannot be written is our trouble, told as such."""
    try:
        yield
    except OSError as problem:
        raise Trouble(f"The portal could not store a file: {problem.strerror or problem}.") from problem


class BlobQuerySet(models.QuerySet["Blob"]):
    def keep(self, chunks: Iterable[bytes], *, most: int, what: str = "The file") -> Blob:
        """Store the bytes and return their row; the same bytes are stored once.

        The digest is computed while the bytes stream by. Raises TooLarge above `most` bytes, Invalid for none, and
        Trouble when the disk does not take them; nothing is stored then.
        """
        digest, size = hashlib.sha256(), 0
        with _our_disk(), SpooledTemporaryFile(max_size=SPOOL) as spool:
            for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise TooLarge(f"{what} is larger than {most:,} bytes, the most that the portal takes.")
                digest.update(chunk)
                spool.write(chunk)
            if not size:
                raise Invalid(f"{what} is empty.")
            return self._stored(digest.hexdigest(), size, spool)

    def keep_bytes(self, content: bytes) -> Blob:
        """Store bytes of the portal's own making (an empty file is fine)."""
        return self.keep_file(BytesIO(content))

    def keep_file(self, content: IO[bytes]) -> Blob:
        """Store a file that lies still, however large it is."""
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
        with _our_disk():
            return self._stored(sha256, content.seek(0, SEEK_END), content)

    def unnamed(self) -> Self:
        """Bytes that no row of any other table names."""
        named = [
            models.Exists(relation.related_model._base_manager.filter(**{relation.field.name: models.OuterRef("pk")}))
            for relation in Blob._meta.get_fields(include_hidden=True)
            if isinstance(relation, models.ManyToOneRel)
        ]
        return self.filter(*(~exists for exists in named))

    def _stored(self, sha256: str, size: int, content: IO[bytes]) -> Blob:
        """The row first, which holds off the sweep; it is seen by nobody until the file lies there whole."""
        with transaction.atomic():
            blob = self._named(sha256, size)
            path = Blob.path_of(sha256)
            if not default_storage.exists(path) or default_storage.size(path) != size:
                default_storage.delete(path)
                content.seek(0)
                default_storage.save(path, File(content, name=sha256))
        return blob

    def _named(self, sha256: str, size: int) -> Blob:
        """The row of these bytes, made or touched, and locked until the transaction ends."""
        row = Blob(sha256=sha256, size=size)
        self.bulk_create([row], update_conflicts=True, unique_fields=["sha256"], update_fields=["kept_at"])
        return self.get(pk=sha256)


class Blob(models.Model):
    """One stored file; `sha256` is its name in storage and in every URL."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    kept_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text="When somebody last kept these bytes; the sweep spares young ones."
    )

    objects = BlobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="blob_is_named_by_digest"),
        ]

    def __str__(self) -> str:
        return self.sha256

    @staticmethod
    def path_of(sha256: str) -> str:
        return f"blobs/{sha256[:2]}/{sha256}"

    def open(self) -> IO[bytes]:
        return default_storage.open(self.path_of(self.sha256), "rb")

    def read(self) -> bytes:
        with self.open() as content:
            return content.read()
