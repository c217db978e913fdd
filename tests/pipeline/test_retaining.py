"""What is swept and what never is; and that rows and files agree, also after a backup was put back."""

from __future__ import annotations

import os
import shutil
import threading
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from contributions.models import Artifact, Blob, Build, LogPiece, Revision, Settlement, UpstreamFetch
from contributions.pipeline import retaining
from contributions.pipeline.retaining import forget_old_builds, forget_old_fetches, forget_old_settlements, sweep
from contributions.tasks import let_go
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from collections.abc import Callable

YEARS = timedelta(days=800)


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "portal.storage.WholeFileStorage"}}


def path_of(blob: Blob) -> Path:
    return Path(default_storage.path(Blob.path_of(blob.sha256)))


def aged(*blobs: Blob) -> None:
    Blob.objects.filter(pk__in=[blob.pk for blob in blobs]).update(kept_at=timezone.now() - YEARS)


def old_build(**given: Any) -> Build:
    build = factories.make_build(**given)
    factories.make_artifact(build, content=f"artifact of {build.pk}".encode())
    Build.objects.filter(pk=build.pk).update(queued_at=timezone.now() - YEARS)
    return build


def checked() -> str:
    out = StringIO()
    try:
        call_command("storage", "check", stdout=out)
    except CommandError as error:
        out.write(f"exit: {error}")
    return out.getvalue()


@pytest.mark.django_db
def test_only_old_bytes_that_no_row_names_are_swept() -> None:
    named, young, old = (factories.make_blob(content) for content in (b"named", b"young", b"old"))
    artifact = Artifact.objects.create(revision=factories.make_revision(), name="x", blob=named)
    aged(named, old)
    swept = sweep()
    assert (swept.blobs, swept.bytes) == (1, 3)
    assert set(Blob.objects.filter(pk__in=[named.pk, young.pk, old.pk])) == {named, young}
    assert [path_of(blob).exists() for blob in (named, young, old)] == [True, True, False]
    assert artifact.blob.read() == b"named"
    let_go()


@pytest.mark.django_db
def test_every_table_that_names_bytes_holds_them() -> None:
    """The tables are asked of the models, so that none is forgotten that is added later."""
    asked = str(Blob.objects.unnamed().query)
    for model in (Artifact, Build, Revision):
        assert model._meta.db_table in asked
    for name in ("raw_id", "bundle_id", "mbox_id", "diff_id", "log_id", "difference_id", "provenance_id", "bill_id"):
        assert f'"{name}"' in asked, name


@pytest.mark.django_db
def test_bytes_that_are_kept_again_are_young_again() -> None:
    blob = factories.make_blob(b"kept twice")
    aged(blob)
    assert factories.make_blob(b"kept twice") == blob
    assert sweep().blobs == 0


@pytest.mark.django_db(transaction=True)
def test_who_keeps_bytes_while_they_are_swept_has_them_afterwards() -> None:
    """The sweep leaves what is being kept, and who keeps what is being swept waits and stores it anew."""
    blob = factories.make_blob(b"contested")
    aged(blob)
    with transaction.atomic():
        Blob.objects.keep_bytes(b"contested")
        assert in_a_thread(sweep).blobs == 0
    aged(blob)
    with transaction.atomic():
        assert retaining._sweep_blob(blob.sha256) == len(b"contested")  # noqa: SLF001 - one step of the sweep, held open
        keeper = threading.Thread(target=lambda: closing(lambda: Blob.objects.keep_bytes(b"contested")))
        keeper.start()
        time.sleep(0.3)
        assert keeper.is_alive()
    keeper.join(60)
    assert Blob.objects.get(pk=blob.pk).read() == b"contested"
    assert "as their rows say" in checked()


def closing(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connection.close()


def in_a_thread(act: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(closing(act)))
    thread.start()
    thread.join(60)
    return found[0]


@pytest.mark.django_db
def test_a_file_that_no_row_is_for_goes_once_it_is_old() -> None:
    kept = factories.make_blob(b"kept")
    folder = path_of(kept).parent
    young, old, half = folder / ("a" * 64), folder / ("b" * 64), folder / ".part-x"
    for file in (young, old, half):
        file.write_bytes(b"stray")
    for file in (old, half):
        os.utime(file, (0, 0))
    assert "2 of the stored files" in checked()
    assert sweep().strays == 2
    assert [file.exists() for file in (young, old, half)] == [True, False, False]
    assert "as their rows say" in checked()


@pytest.mark.attack("F20")
@pytest.mark.django_db
def test_logs_and_files_of_old_builds_go_and_their_verdicts_stay(settings: Any) -> None:
    revision = factories.make_revision()
    release = factories.make_release(revision.contribution.component)
    superseded = old_build(revision=revision, release=release)
    published = old_build(revision=revision, release=release)
    factories.make_publication(published)
    repeated = old_build(revision=revision, release=release, repeats=published)
    errored = old_build(revision=revision, release=release, state="errored", log=None)
    LogPiece.objects.create(build=errored, attempt=1, offset=0, content=b"half a log")
    newest = old_build(revision=revision, release=release)
    young = factories.make_build(revision, release, serial=99)
    factories.make_artifact(young)
    settings.KEEP_BUILD_DAYS = 0
    assert sweep().builds == 0
    settings.KEEP_BUILD_DAYS = 365
    Build.objects.filter(pk=newest.pk).update(serial=100)
    assert forget_old_builds() == 2
    assert forget_old_builds() == 0
    gone = {build.pk for build in Build.objects.filter(artifacts=None, log=None)}
    assert gone == {superseded.pk, errored.pk}
    assert not LogPiece.objects.exists()
    assert set(Build.objects.exclude(log=None)) == {published, repeated, newest, young}
    superseded.refresh_from_db()
    assert superseded.has_passed
    page = Client().get(f"/builds/{superseded.pk}/").content.decode()
    assert "The log is no longer kept." in page
    assert Client().get(f"/api/v1/builds/{superseded.pk}/log").status_code == 200
    aged(*Blob.objects.all())
    assert sweep().blobs > 0
    assert published.log.read() == b"all is well\n"


@pytest.mark.attack("F20")
@pytest.mark.django_db
def test_thousands_of_old_logs_go_in_one_sweep() -> None:
    revision = factories.make_revision()
    release = factories.make_release(revision.contribution.component)
    log = factories.make_blob(b"log")
    rows = [
        Build(
            revision=revision, release=release, serial=number, commit="0" * 40, recipe={}, recipe_digest="0" * 64,
            state="failed", log=log, queued_at=timezone.now() - YEARS,
        )
        for number in range(1, 2502)
    ]  # fmt: skip
    Build.objects.bulk_create(rows)
    assert forget_old_builds() == 2500
    assert Build.objects.exclude(log=None).get().serial == 2501


@pytest.mark.django_db
def test_of_old_fetches_the_newest_of_each_component_stays() -> None:
    components = [factories.make_component(), factories.make_component()]
    for component in components:
        for _ in range(3):
            row = UpstreamFetch.objects.create(component=component, state="done")
            UpstreamFetch.objects.filter(pk=row.pk).update(queued_at=timezone.now() - YEARS)
    assert forget_old_fetches() == 4
    assert UpstreamFetch.objects.count() == 2


@pytest.mark.django_db
def test_settlements_that_nobody_went_on_with_go_and_what_was_proposed_stays() -> None:
    release = factories.make_release()
    made = {
        state: factories.make_settlement(
            factories.make_person(), factories.make_contribution(component=release.component).current, release
        )
        for state in ("asks", "ready", "queued", "proposed", "fresh")
    }
    for state, row in made.items():
        at = timezone.now() if state == "fresh" else timezone.now() - YEARS
        Settlement.objects.filter(pk=row.pk).update(state=state.replace("fresh", "asks"), finished_at=at)
    assert forget_old_settlements() == 2
    assert set(Settlement.objects.values_list("pk", flat=True)) == {
        made[state].pk for state in ("queued", "proposed", "fresh")
    }


@pytest.mark.attack("T16")
@pytest.mark.django_db
def test_after_a_backup_was_put_back_rows_and_files_agree(settings: Any, tmp_path: Path) -> None:
    """Control: each way in which a backup can be incomplete is found."""
    artifact = factories.make_artifact(content=b"precious")
    shutil.copytree(settings.MEDIA_ROOT, tmp_path / "backup")
    assert "as their rows say" in checked()
    shutil.rmtree(settings.MEDIA_ROOT)
    assert "is missing" in checked()
    shutil.copytree(tmp_path / "backup", settings.MEDIA_ROOT)
    assert "as their rows say" in checked()
    file = path_of(artifact.blob)
    for content, sentence in ((b"precious and more", "has 17 bytes and not 8"), (b"poisoned", "the bytes of its name")):
        file.write_bytes(content)
        assert sentence in checked()
    call_command("storage", "check", "--quick", stdout=StringIO())
    file.write_bytes(b"precious")
    late = factories.make_artifact(content=b"made after the backup")
    path_of(late.blob).unlink()
    assert f"{late.sha256} is missing" in checked()


@pytest.mark.django_db
def test_what_is_missing_and_named_by_nothing_is_no_loss() -> None:
    path_of(factories.make_blob(b"nobody's")).unlink()
    assert "as their rows say" in checked()


@pytest.mark.django_db
def test_forms_that_are_refused_again_and_again_keep_only_so_much() -> None:
    client = signed_in(factories.make_person())
    for number in range(25):
        file = SimpleUploadedFile("a.bin", b"bytes %d" % number)
        assert client.post("/submit/", {"kind": "executable", "artifact": file}).status_code == 400
    assert Blob.objects.count() == 20


@pytest.mark.django_db
def test_the_command_tells_what_it_let_go_of() -> None:
    aged(factories.make_blob(b"unnamed"))
    out = StringIO()
    call_command("storage", "sweep", stdout=out)
    assert "of 1 files that nothing names (7 bytes)" in out.getvalue()
