import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from contributions.checkout.runner import git
from contributions.management.commands.import_sdists import PINS

ARCHIVES = {"1.0": b"one = 1\n", "1.1": b"one = 2\n"}


@pytest.fixture
def sdists(tmp_path: Path) -> Path:
    folder = tmp_path / "sdists"
    folder.mkdir()
    for version, content in ARCHIVES.items():
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            info = tarfile.TarInfo(f"tiny-{version}/tiny.py")
            info.size, info.mtime = len(content), 1_700_000_000
            archive.addfile(info, io.BytesIO(content))
        (folder / f"tiny-{version}.tar.gz").write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    return folder


def test_archives_at_hand_become_a_repository_without_a_network(tmp_path: Path, sdists: Path) -> None:
    repository, said = tmp_path / "made" / "tiny.git", io.StringIO()
    call_command("import_sdists", "tiny", str(repository), "1.0", "1.1", sdists=sdists, stdout=said)
    assert git(repository, "tag", "--list").decode().split() == ["1.0", "1.1"]
    assert git(repository, "show", "1.1:tiny.py") == ARCHIVES["1.1"]
    assert git(repository, "rev-parse", "1.0^{commit}").decode().strip() in said.getvalue()


def test_a_second_run_changes_nothing(tmp_path: Path, sdists: Path) -> None:
    repository = tmp_path / "tiny.git"
    call_command("import_sdists", "tiny", str(repository), "1.0", "1.1", sdists=sdists, stdout=io.StringIO())
    before = git(repository, "for-each-ref")
    said = io.StringIO()
    call_command("import_sdists", "tiny", str(repository), "1.0", "1.1", sdists=sdists, stdout=said)
    assert "there already" in said.getvalue()
    assert git(repository, "for-each-ref") == before
    with pytest.raises(CommandError, match=r"without 2\.0"):
        call_command("import_sdists", "tiny", str(repository), "2.0", sdists=sdists)


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path, sdists: Path) -> None:
    pinned = PINS.read_text().splitlines()[0].split()[1]
    version = pinned.removesuffix(".tar.gz").rpartition("-")[2]
    other = (sdists / "tiny-1.0.tar.gz").rename(sdists / pinned)
    with pytest.raises(CommandError, match=hashlib.sha256(other.read_bytes()).hexdigest()):
        call_command("import_sdists", "python-swiftclient", str(tmp_path / "x.git"), version, sdists=sdists)
    assert not (tmp_path / "x.git").exists()
