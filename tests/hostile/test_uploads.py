"""Bodies that are too large, empty, cut off or full of air: refused early, opaque, and gone without a trace."""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, FakePayload, encode_multipart

from contributions.models import Blob, Contribution
from tests.api.conftest import make_token
from tests.pages.conftest import body

if TYPE_CHECKING:
    from pathlib import Path as Directory

    from tests.pages.conftest import Platform

MANY = 40 * 2**20


class Counted(FakePayload):
    """A body that counts how much of it was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.given = 0

    def read(self, *size: Any) -> bytes:
        piece = super().read(*size)
        self.given += len(piece)
        return piece


def sharing(platform: Platform, **more: Any) -> dict[str, Any]:
    return {"component": "swiftclient", "kind": "refinement", "title": "T", "release": platform.release.slug, **more}


def sent(client: Client, address: str, form: dict[str, Any], **headers: str) -> tuple[int, int]:
    """The status, and how many bytes were read for it."""
    content = encode_multipart(BOUNDARY, form)
    counted = Counted(content)
    answer = client.generic(
        "POST", address, headers=headers,
        **{"wsgi.input": counted, "CONTENT_LENGTH": str(len(content)), "CONTENT_TYPE": MULTIPART_CONTENT},
    )  # fmt: skip
    return answer.status_code, counted.given


@pytest.fixture
def temporary(settings: Any, tmp_path: Path) -> Directory:
    """Where uploads wait on disk; looked at when the test is over."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return tmp_path


def large(name: str = "large.patch") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, bytes(MANY))


@pytest.mark.attack("P14")
@pytest.mark.attack("D05")
def test_a_patch_that_is_far_too_large_is_cut_off(platform: Platform, temporary: Path) -> None:
    address = "/submit/"
    status, read = sent(platform.client("member"), address, sharing(platform, patch=large()))
    assert status == 413
    assert read < MANY * 0.7
    token = make_token(platform.people["member"], "write")
    form = sharing(platform, release="4.7.0", patch=large())
    status, read = sent(Client(), "/api/v1/contributions/", form, Authorization=f"Token {token}")
    assert status == 413
    assert read < MANY * 0.7
    assert list(temporary.iterdir()) == []
    assert not Contribution.objects.filter(author=platform.people["member"]).exists()


@pytest.mark.parametrize("address", ["/account/login/", "/contributions/1/vote/", "/submit/", "/nowhere/", "/"])
def test_a_stranger_sends_nothing_large(platform: Platform, temporary: Path, address: str) -> None:
    del platform
    assert sent(Client(), address, {"x": large()}) == (413, 0)
    assert list(temporary.iterdir()) == []


def test_a_member_sends_large_files_only_where_files_are_taken(platform: Platform, temporary: Path) -> None:
    client = platform.client("member")
    assert sent(client, f"/contributions/{platform.contribution.pk}/comment/", {"artifact": large()}) == (413, 0)
    status, read = sent(client, "/submit/", sharing(platform, surprise=large()))
    assert (status, read < 2**20) == (413, True)
    assert list(temporary.iterdir()) == []


def test_a_text_that_is_too_large_is_told_as_such(platform: Platform) -> None:
    for text, status in (("x" * 12_000_000, 413), ("x" * 70_000, 413)):
        form = {"component": "swiftclient", "kind": "experience", "title": "T", "description": text}
        assert platform.client("member").post("/submit/", form).status_code == status
        assert platform.client("member").post("/organisations/new/", {"name": "N", "about": text}).status_code == status


@pytest.mark.attack("D05")
def test_a_body_that_breaks_off_is_no_fault_of_ours(platform: Platform, temporary: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, *size: Any) -> bytes:
            if piece := super().read(*size):
                return piece
            raise OSError("gone")

    client = platform.client("member")
    content = encode_multipart(BOUNDARY, sharing(platform, artifact=SimpleUploadedFile("a", bytes(5 * 2**20))))
    half = {
        "wsgi.input": Broken(content[: len(content) // 2]),
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": MULTIPART_CONTENT,
    }
    assert client.generic("POST", "/submit/", **half).status_code == 400
    assert list(temporary.iterdir()) == []


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../air", bytes(200 * 2**20))
    return packed.getvalue()


def test_an_archive_full_of_air_is_kept_as_it_is(platform: Platform) -> None:
    for name, content in (
        ("bomb.zip", bomb()),
        ("bomb-1.0-py3-none-any.whl", bomb()),
        ("b.gz", gzip.compress(bytes(2**26))),
    ):
        form = sharing(platform, kind="executable", artifact=SimpleUploadedFile(name, content))
        assert platform.client("member").post("/submit/", form).status_code == 302
        revision = Contribution.objects.latest("pk").revisions.get()
        assert revision.raw.size == len(content)
        found = platform.client("member").get(f"/files/{revision.raw.sha256}/{name}")
        assert body(found) == content
        assert found["Content-Type"] == "application/octet-stream"


def test_an_empty_file_is_refused_and_not_stored(platform: Platform) -> None:
    before = Blob.objects.count()
    for kind, field in (("refinement", "patch"), ("executable", "artifact")):
        form = sharing(platform, kind=kind, **{field: SimpleUploadedFile("empty", b"")})
        assert platform.client("member").post("/submit/", form).status_code == 400
    assert Blob.objects.count() == before


def test_the_bytes_of_a_page_that_is_too_large_wait_nowhere(platform: Platform) -> None:
    before = set(Path(tempfile.gettempdir()).glob("*.upload*"))
    sent(platform.client("member"), "/submit/", sharing(platform, patch=large()))
    assert set(Path(tempfile.gettempdir()).glob("*.upload*")) <= before
