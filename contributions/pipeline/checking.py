"""Whether rows and files agree: after a backup was put back, or when a disk is doubted."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.utils import timezone

from contributions.models import Blob

from .retaining import stray_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ON_ITS_WAY = timedelta(hours=1)  # a younger file may have its row in a moment


def problems(*, digests: bool = True) -> Iterator[str]:
    """A sentence for each thing that is wrong. Without `digests` files are only counted and measured."""
    unnamed = set(Blob.objects.unnamed().values_list("pk", flat=True))
    for blob in Blob.objects.order_by("pk").iterator():
        wrong = _wrong_with(blob, digests=digests)
        if wrong and blob.pk not in unnamed:
            yield wrong
    young = timezone.now() - ON_ITS_WAY
    for path in stray_files():
        if default_storage.get_modified_time(path) < young:
            yield f"The file {path} has no row; manage.py storage sweep removes it."


def _wrong_with(blob: Blob, *, digests: bool) -> str:
    path = Blob.path_of(blob.sha256)
    if not default_storage.exists(path):
        return f"The file {path} is missing."
    size = default_storage.size(path)
    if size != blob.size:
        return f"The file {path} has {size:,} bytes and not {blob.size:,}."
    if digests and _digest_of(blob) != blob.sha256:
        return f"The file {path} does not hold the bytes of its name."
    return ""


def _digest_of(blob: Blob) -> str:
    with blob.open() as content:
        return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
