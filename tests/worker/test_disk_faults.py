"""Disks that are full or cannot be written: our fault, in a sentence; tried again, and nothing half written is left."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.models import Blob, Build, Component, Contribution, Fit, Person, Recipe
from contributions.pipeline import proving
from contributions.pipeline.building import build
from contributions.pipeline.fitting import fit
from contributions.pipeline.receiving import receive
from tests.pages.conftest import signed_in

from .conftest import Crew, wait_for
from .test_faults import fresh, is_over, one_release, patch, sandboxes, share  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)
ROOM = 400_000  # bytes: enough for a patch and its commits, too little for what is built
NO_ROOM = "No space left on device"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 megabytes, room enough for a worker to prove its sandbox."""
    if os.geteuid() != 0:
        pytest.skip("Only root may mount the small disk that this test fills.")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Write until the disk has no more than `leave` bytes."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    filler.write_bytes(bytes(max(free - leave, 0)))
    return filler


def whole_blobs() -> int:
    """How many blobs there are; each has its file with its bytes."""
    for blob in Blob.objects.all():
        assert hashlib.sha256(blob.read()).hexdigest() == blob.sha256
    return Blob.objects.count()


def parts_in(place: Path) -> list[Path]:
    return list(place.rglob(".part-*"))


@pytest.fixture
def large_artifact(component: Component, recipe: Recipe) -> Recipe:
    one_release(component)
    recipe.build = "mkdir dist; head -c 1000000 /dev/urandom > dist/noise.txt"
    recipe.save()
    return recipe


@pytest.mark.attack("F11")
@pytest.mark.parametrize("fault", ["full", "read-only"])
@pytest.mark.usefixtures("large_artifact")
def test_a_disk_that_does_not_take_an_artifact_is_told_and_tried_again(
    crew: Crew,
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
    settings: Any,
    small_disk: Path,
    fault: str,
) -> None:
    settings.MEDIA_ROOT = crew.environment["PATCHBAY_FILES"] = str(small_disk / "files")
    crew.environment["PATCHBAY_ATTEMPTS"] = "9"
    share(author, component, patch)
    crew.start_worker()
    build = wait_for(lambda: Build.objects.filter(attempts=0).first() or Build.objects.first(), "a build to be queued")
    if fault == "full":
        filler = fill(small_disk, leave=ROOM)
    else:
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    wait_for(lambda: fresh(build).sentence or build.is_over, "the build to meet the disk")
    if build.state == "passed":
        pytest.skip("The build was faster than the fault; nothing was tried.")
    assert "could not store a file" in build.sentence
    assert not build.is_over
    assert (NO_ROOM if fault == "full" else "Read-only file system") in build.sentence
    if fault == "full":
        filler.unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    crew.start_beat()
    wait_for(lambda: is_over(build), "the build to be tried again")
    assert build.state == "passed"
    assert build.artifacts.get().size == 1_000_000
    assert whole_blobs()
    assert parts_in(small_disk) == []


@pytest.mark.usefixtures("large_artifact")
def test_a_full_work_area_is_our_trouble_and_leaves_nothing(
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receive(share(author, component, patch).revisions.get().pk)
    fit(Fit.objects.get().pk)
    row = Build.objects.get()
    assert not proving.refusal(), "the sandbox was proven while there was room"
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    filler = fill(small_disk, leave=8192)
    build(row.pk)
    assert fresh(row).state == "queued"
    assert "on our side" in row.sentence or NO_ROOM in row.sentence
    assert list(small_disk.iterdir()) == [filler]
    assert not sandboxes()
    filler.unlink()
    build(row.pk)
    assert fresh(row).state == "passed", row.sentence
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("face", ["page", "api"])
def test_a_submission_that_cannot_be_stored_is_answered_with_an_apology_and_is_no_row(
    author: Person, component: Component, settings: Any, small_disk: Path, face: str
) -> None:
    settings.MEDIA_ROOT = str(small_disk / "files")
    form = {
        "component": component.slug, "release": component.releases.get(name="1.0").slug,
        "kind": "refinement", "title": "Mend it", "patch": SimpleUploadedFile("0001.patch", bytes(range(256)) * 400),
    }  # fmt: skip
    address = "/submit/" if face == "page" else "/api/v1/contributions/"
    filler = fill(small_disk)
    answer = signed_in(author).post(address, form)
    assert answer.status_code == 503
    assert NO_ROOM in answer.content.decode()
    assert answer["Retry-After"]
    assert not Contribution.objects.exists()
    filler.unlink()
    form["patch"] = SimpleUploadedFile("0001.patch", bytes(range(256)) * 400)
    assert signed_in(author).post(address, form).status_code in {201, 302}
    assert whole_blobs() == 1
    assert parts_in(small_disk) == []
