from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contributions.checkout.runner import git
from contributions.checkout.sdists import find_archive, read_source_release, write_repository
from contributions.errors import Refusal

if TYPE_CHECKING:
    from argparse import ArgumentParser

PINS = Path(__file__).with_name("sdists.sha256")


class Command(BaseCommand):
    help = "Make a git repository out of a package's source releases; archives that are missing are downloaded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("package")
        parser.add_argument("repository", type=Path)
        parser.add_argument("versions", nargs="+", metavar="version")
        parser.add_argument("--sdists", type=Path, default=settings.VAR_DIR / "sdists", help="where archives are kept")

    def handle(self, *args: Any, **options: Any) -> None:
        package, repository, versions = options["package"], options["repository"], options["versions"]
        if repository.exists():
            self._check_complete(repository, versions)
            self.stdout.write(f"{repository} is there already.")
            return
        archives = {version: self._archive(package, version, options["sdists"]) for version in versions}
        try:
            releases = [read_source_release(archive, version) for version, archive in archives.items()]
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        repository.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=repository.parent) as folder:
            commits = write_repository(package, releases, Path(folder, "made.git"))
            Path(folder, "made.git").rename(repository)
        for version, commit in commits.items():
            self.stdout.write(f"{package} {version} {commit}")

    def _check_complete(self, repository: Path, versions: list[str]) -> None:
        present = set(git(repository, "tag", "--list").decode().split())
        if missing := [version for version in versions if version not in present]:
            raise CommandError(f"{repository} is there without {', '.join(missing)}; remove it to make it anew.")

    def _archive(self, package: str, version: str, folder: Path) -> Path:
        archive = find_archive(folder, package, version) or self._download(package, version, folder)
        wanted = dict(line.split()[::-1] for line in PINS.read_text().splitlines()).get(archive.name)
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if wanted and wanted != found:
            raise CommandError(f"{archive} is not the archive that is pinned: its sha256 is {found}.")
        return archive

    def _download(self, package: str, version: str, folder: Path) -> Path:
        """By pip, which also runs the package's build backend to read its metadata."""
        self.stdout.write(f"Downloading {package} {version} ...")
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            pip = [sys.executable, "-m", "pip", "download", *options, "--dest", fresh, f"{package}=={version}"]
            ended = subprocess.run(pip, check=False, capture_output=True, text=True, timeout=600)
            archive = find_archive(Path(fresh), package, version)
            if ended.returncode or archive is None:
                raise CommandError(f"pip could not download {package} {version}: {ended.stderr[-1000:]}")
            return Path(shutil.move(archive, folder / archive.name))
