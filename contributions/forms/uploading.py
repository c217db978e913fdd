"""Files on their way in: cut off where they are far too large, whatever the request said of its length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler

from contributions.errors import TooLarge

if TYPE_CHECKING:
    from django.http import HttpRequest

# A file that is a little too large is read to its end, so that the form can be shown again with all that was typed.
PATIENCE = 2


def drop_files(request: HttpRequest) -> None:
    """Remove what an upload that broke off has left on the disk; Django does so only at some later time."""
    for handler in request.upload_handlers:
        if (begun := getattr(handler, "file", None)) is not None:
            begun.close()


class CutOff(FileUploadHandler):
    """Stands before Django's own handlers and stores nothing; no page and no API takes a file of another name."""

    def new_file(self, *args: Any, **given: Any) -> None:
        super().new_file(*args, **given)
        known = {
            "patch": settings.MAX_PATCH_BYTES,
            "artifact": settings.MAX_ARTIFACT_BYTES,
            "bundle": settings.MAX_FORK_BYTES,
        }
        self.most = known.get(str(self.field_name), settings.MAX_TEXT_BYTES)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > PATIENCE * self.most:
            if self.request is not None:
                drop_files(self.request)
            raise TooLarge(f"The file is larger than {self.most:,} bytes, the most that the portal takes here.")
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""
        del file_size
