"""A small real platform: an upstream repository whose releases differ, a component that follows it, a recipe."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import revise, submit
from contributions.models import Component, Contribution, Person, Recipe, Revision, UpstreamFetch
from contributions.pipeline.fetching import fetch
from contributions.pipeline.receiving import receive
from tests.factories import make_organisation, make_person

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GREETING = "def greet(name):\n    return 'Hello ' + name\n"
SHOUT = GREETING.replace("'Hello ' + name", "'HELLO ' + name.upper()")
SONG = "".join(f"verse {number}\n" for number in range(1, 31))
SONG_MENDED = SONG.replace("verse 15\n", "verse fifteen\n")
SONG_REWRITTEN = SONG.replace("verse 14\n", "verse XIV\n").replace("verse 15\n", "verse XV\n")

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Upstream",
    "GIT_AUTHOR_EMAIL": "upstream@example.org",
    "GIT_COMMITTER_NAME": "Upstream",
    "GIT_COMMITTER_EMAIL": "upstream@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": "/usr/bin:/bin:/usr/local/bin",
}


@dataclass(frozen=True)
class Upstream:
    """A work tree in which a test makes upstream's history, as upstream would."""

    path: Path

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.path, env=GIT_IDENTITY, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str, **files: str) -> str:
        """Write the files (a name's double underscore is a dot) and commit them."""
        for name, text in files.items():
            (self.path / name.replace("__", ".")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def patch(self, base: str, message: str, **files: str) -> bytes:
        """What `git format-patch` gives for a commit on `base`; the history stays as it is."""
        self.git("checkout", "-q", "--detach", base)
        self.commit(message, **files)
        mail = self.git("format-patch", "--stdout", "-1").encode() + b"\n"
        self.git("checkout", "-q", "main")
        return mail


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    """1.0 has the song, 2.0 has it and a new file, 3.0 has verse fifteen mended, 4.0 has it rewritten."""
    path = tmp_path / "upstream"
    path.mkdir()
    repository = Upstream(path)
    repository.git("init", "-q", "-b", "main")
    repository.commit("Begin", greeting__py=GREETING, song__txt=SONG)
    repository.git("tag", "-a", "1.0", "-m", "1.0")
    repository.commit("Add a licence", licence__txt="Do what you like.\n")
    repository.git("tag", "-a", "2.0", "-m", "2.0")
    repository.commit("Count to fifteen in words", song__txt=SONG_MENDED)
    repository.git("tag", "-a", "3.0", "-m", "3.0")
    repository.commit("Count as the Romans did", song__txt=SONG_REWRITTEN)
    repository.git("tag", "-a", "4.0", "-m", "4.0")
    return repository


@pytest.fixture
def _kept_apart(settings: Any, tmp_path: Path) -> None:
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    settings.PREPARED_DIR = tmp_path / "prepared"
    settings.RELEASES_DIR = tmp_path / "releases"
    settings.TOOLCHAINS_DIR = tmp_path / "toolchains"
    settings.ALLOW_PRIVATE_UPSTREAMS = True


@pytest.fixture
def component(upstream: Upstream, _kept_apart: None) -> Component:
    """The component that follows upstream, fetched, without a recipe."""
    component = Component.objects.create(
        slug="song",
        name="Song",
        upstream_url=f"file://{upstream.path}",
        release_pattern=r"\d+\.\d+",
        cool_down_days=0,
    )
    row = UpstreamFetch.objects.create(component=component)
    fetch(row.pk)
    row.refresh_from_db()
    assert row.state == UpstreamFetch.State.DONE, row.sentence
    return component


@pytest.fixture
def recipe(component: Component) -> Recipe:
    return Recipe.objects.create(
        component=component,
        build="mkdir -p dist\ncp song.txt dist/song-$VERSION.txt",
        test="grep -q 'verse 1$' song.txt",
        environment={"VERSION": "{release}+patchbay.{build}"},
        artifact_patterns=["dist/*.txt"],
        wall_seconds=60,
        memory_mb=512,
    )


@pytest.fixture
def author() -> Person:
    return make_person("author", organisation=make_organisation("An operator"))


@pytest.fixture
def send(author: Person, component: Component, upstream: Upstream) -> Callable[..., Revision]:
    """Share, or send the next revision of, a patch on a release; answers the received revision."""
    shared: list[Contribution] = []

    def sent(base: str = "1.0", title: str = "Count to fifteen in words", **files: str) -> Revision:
        source = PatchFile(SimpleUploadedFile("0001.patch", upstream.patch(base, title, **files)))
        release = component.releases.get(name=base)
        if shared:
            revision = revise(author=author, contribution=shared[0], release=release, source=source)
        else:
            given: dict[str, Any] = {"author": author, "component": component, "kind": "refinement", "title": title}
            shared.append(submit(release=release, source=source, **given))
            revision = shared[0].revisions.get()
        receive(revision.pk)
        return Revision.objects.get(pk=revision.pk)

    return sent


def states_by_release(contribution: Contribution) -> dict[str, str]:
    fits = contribution.current.fits.select_related("release") if contribution.current else []
    return {fit.release.name: fit.state for fit in fits}
