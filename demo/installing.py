"""A customer's machine: reads the feed, and installs an approved wheel with pip into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from contributions.models import Release
from demo.progress import hold

if TYPE_CHECKING:
    from demo.plan import Platform, Share
    from demo.rest import Client
    from demo.sharing import Sharing

PIP_SECONDS = 120
NOT_MODIFIED = 304


class Customer:
    """Nobody in particular: feed and index are open to everyone."""

    def __init__(self, platform: Platform, sharing: Sharing, client: Client) -> None:
        self._platform = platform
        self._sharing = sharing
        self._client = client

    def read_feed(self) -> tuple[int, int]:
        """How many entries tell of publishing and of withdrawing; asked again, the feed answers that nothing is new."""
        rows = list(self._client.rows("/api/v1/feed/", component=self._platform.package))
        published = sum(row["event"] == "published" for row in rows)
        withdrawn = sum(row["event"] == "withdrawn" for row in rows)
        wanted = sum(len(share.published_for) for share in self._platform.shares)
        hold(published == wanted, f"The feed has {published} publications, not {wanted}")
        taken_back = sum(len(share.withdrawals) for share in self._platform.shares)
        hold(withdrawn == taken_back, f"The feed tells of {withdrawn} withdrawals, not {taken_back}")
        etag = self._client.fetch("/api/v1/feed/").headers["ETag"]
        again = self._client.fetch("/api/v1/feed/", {"If-None-Match": etag})
        hold(again.status == NOT_MODIFIED, f"The feed answers {again.status} though nothing is new")
        hold(b"<entry>" in self._client.fetch("/feed.atom").body, "The Atom feed has no entry")
        return published, withdrawn

    def index_url(self, release: str) -> str:
        slug = Release.objects.get(component__slug=self._platform.package, name=release).slug
        return f"{self._client.site}/simple/{slug}/"

    def install(self) -> str:
        """The version that runs afterwards; it shows what the bare release does not."""
        wanted = self._platform.installation
        share = self._platform.share(wanted.contribution)
        version = self._version_of(share, wanted.release)
        with tempfile.TemporaryDirectory(prefix="patchbay-customer-") as place:
            venv.create(place, with_pip=False)
            python = Path(place, "bin", "python")
            self._pip(python, wanted.release, f"{self._platform.package}=={version}")
            installed = self._ask_version(python)
            hold(installed == version, f"pip installed {installed}, not {version}")
            said = self._run(Path(place, "bin"), *wanted.command)
            hold(wanted.shows in said, f"{' '.join(wanted.command)} does not show {wanted.shows}")
        return installed

    def is_spared(self, share: Share, release: str) -> bool:
        """Whether pip leaves the withdrawn build of the release alone when no version is asked for."""
        withdrawn = self._version_of(share, release)
        with tempfile.TemporaryDirectory(prefix="patchbay-customer-") as place:
            venv.create(place, with_pip=False)
            python = Path(place, "bin", "python")
            self._pip(python, release, self._platform.package)
            return self._ask_version(python) != withdrawn

    def _version_of(self, share: Share, release: str) -> str:
        number = self._sharing.number_of(share)
        rows: list[dict[str, Any]] = list(
            self._client.rows("/api/v1/publications/", contribution=number, release=release)
        )
        return f"{release}+patchbay.{rows[0]['build']}"

    def _pip(self, python: Path, release: str, requirement: str) -> None:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir", "--no-input"]
        index = ["--index-url", self.index_url(release)]
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, *index, requirement]
        # This machine's own pip settings might name other indexes.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        _call(command, clean | {"PIP_CONFIG_FILE": os.devnull})

    def _ask_version(self, python: Path) -> str:
        asked = f"import importlib.metadata as m; print(m.version({self._platform.package!r}))"
        return _call([str(python), "-c", asked], dict(os.environ)).strip()

    def _run(self, scripts: Path, program: str, *arguments: str) -> str:
        """The installed program; what it depends on comes from the toolchain, so that no network is needed."""
        tools = settings.TOOLCHAINS_DIR / self._platform.package / "lib"
        return _call([str(scripts / program), *arguments], os.environ | {"PYTHONPATH": str(tools)})


def _call(command: list[str], environment: dict[str, str]) -> str:
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PIP_SECONDS, env=environment)
    said = ended.stderr.strip().splitlines()[-1:]
    hold(ended.returncode == 0, f"{' '.join(command[1:])} ended with {ended.returncode}: {' '.join(said)}")
    return ended.stdout
