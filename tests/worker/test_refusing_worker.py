"""A worker whose sandbox is broken takes no build, says so, and goes on when it is mended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from contributions.models import Build, Builder
from contributions.tasks import ring

from .conftest import Crew, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Recipe

pytestmark = pytest.mark.django_db(transaction=True)
NO_JAIL = "#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 9.9\n"


@pytest.mark.attack("S34")
def test_a_worker_without_a_jail_refuses_builds_until_it_has_one(crew: Crew, recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    jail = tmp_path / "bin" / "bwrap"
    jail.write_text(NO_JAIL)
    jail.chmod(0o755)
    crew.environment |= {"PATH": f"{jail.parent}:{os.environ['PATH']}", "PATCHBAY_RECHECK_SECONDS": "1"}
    release = recipe.component.releases.get(name="1.0")
    build = Build.objects.create(release=release, commit=release.commit, recipe=recipe.as_data(), recipe_digest="0")
    ring(build)
    crew.start_worker()
    crew.start_beat()
    wait_for(lambda: Builder.objects.exclude(refusal="").exists(), "the host to be told of as refusing")
    assert "Builds are refused on " in crew.log.read_text()
    build.refresh_from_db()
    assert (build.state, build.attempts) == ("queued", 0)
    jail.unlink()
    wait_for(lambda: Build.objects.filter(pk=build.pk, state="passed").exists(), "the build to run after all")
    assert Builder.objects.get().may_build
