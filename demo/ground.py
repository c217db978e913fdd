"""What the platform stands on: its releases as a git repository that is served, its tools, its component."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from contributions.actions.maintaining import fetch_upstream, set_recipe
from contributions.models import Component, Person, Recipe
from demo import plan
from demo.progress import hold, wait_for

if TYPE_CHECKING:
    from portal.services.gitd import GitDaemon

MANAGE = settings.BASE_DIR / "manage.py"
PIP_SECONDS = 900


def run(*command: str, seconds: float = PIP_SECONDS) -> str:
    """Run one of the commands that an operator would type; what it printed."""
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    last = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1:]
    hold(ended.returncode == 0, f"{' '.join(command[1:4])} ended with {ended.returncode}. {' '.join(last)}")
    return ended.stdout


def manage(*arguments: str) -> str:
    return run(sys.executable, str(MANAGE), *arguments)


class Ground:
    """Everything that one platform needs before anybody can share anything; each part is made once and found again."""

    def __init__(self, platform: plan.Platform, room: Path, server: GitDaemon) -> None:
        self.platform = platform
        self.room = room
        self.server = server
        self.repository = room / "git" / f"{platform.package}.git"
        self.sdists: Path = settings.VAR_DIR / "sdists"

    def import_releases(self) -> str:
        """One bare repository with a commit and a tag for each release."""
        if not self.repository.exists():
            manage("import_sdists", self.platform.package, str(self.repository), *self.platform.releases)
        return f"{len(self.platform.releases)} releases: {', '.join(self.platform.releases)}"

    def fetch_wheels(self) -> None:
        """The executables that people share, as PyPI has them."""
        for share in self.platform.shares:
            if share.wheel:
                wheel = self.sdists / share.wheel
                if not wheel.exists():
                    self._download(share.release)
                found = hashlib.sha256(wheel.read_bytes()).hexdigest()
                hold(found == share.sha256, f"{wheel} is not the wheel that is pinned: its SHA-256 is {found}")

    def _download(self, version: str) -> None:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        self.sdists.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.sdists) as fresh:
            wanted = f"{self.platform.package}=={version}"
            run(sys.executable, "-m", "pip", "download", *options, "--dest", fresh, wanted)
            for wheel in Path(fresh).iterdir():
                wheel.replace(self.sdists / wheel.name)

    def prepare_tools(self) -> str:
        """The toolchain that the recipe names; pip makes it once."""
        if not (settings.TOOLCHAINS_DIR / self.platform.package).exists():
            manage("add_toolchain", self.platform.package, *self.platform.tools)
        return f"toolchain {self.platform.package}: {', '.join(self.platform.tools)}"

    @property
    def url(self) -> str:
        return self.server.url(self.repository.name)

    def add_component(self) -> Component:
        """The component with its recipe, its maintainers and a release for each tag."""
        platform = self.platform
        component = Component.objects.filter(slug=platform.package).first()
        if component is None:
            told = ["--title", platform.title, "--summary", platform.summary, "--licence", platform.licence]
            # Its people are all newcomers, and nobody who looks at a demo waits three days.
            manage("add_component", platform.package, self.url, *told, "--cool-down-days", "0")
            component = Component.objects.get(slug=platform.package)
        # The git server has another port when its own was taken.
        Component.objects.filter(pk=component.pk).update(upstream_url=self.url, homepage=platform.homepage)
        if not Recipe.objects.filter(component=component).exists():
            set_recipe(component=component, recipe=tomllib.loads(platform.recipe.read_text()))
        if platform.traits and not component.traits.exists():
            manage("set_traits", platform.package, *platform.traits)
        component.maintainers.add(*Person.objects.filter(username__in=plan.maintainers()))
        self._await_releases(component)
        return component

    def _await_releases(self, component: Component) -> None:
        if self._missing(component):
            fetch_upstream(component=component)
        wait_for("All tags are releases", lambda: not self._missing(component), seconds=60)

    def _missing(self, component: Component) -> set[str]:
        return set(self.platform.releases) - set(component.releases.values_list("name", flat=True))
