from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import Build, Fit
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db
LOG = "building\n\x1b[32mcafé\x1b[0m\n".encode() + b"\xff\xfe\n"


def test_a_build_shows_what_it_ran_and_made(scene: Scene) -> None:
    shown = Caller().get(f"builds/{scene.build.pk}/").json()
    [artifact] = shown["artifacts"]
    made = scene.build.artifacts.get()
    assert (artifact["name"], artifact["sha256"], artifact["size"]) == (made.name, made.sha256, made.size)
    assert artifact["url"] == f"http://testserver/files/{made.sha256}/{made.name}"
    assert shown["contribution"] == scene.contribution.pk
    assert shown["recipe"] == {"build": "true"}


def test_the_bare_release_is_built_without_a_contribution(scene: Scene) -> None:
    bare = factories.make_build(release=scene.release)
    shown = Caller().get(f"builds/{bare.pk}/").json()
    assert (shown["contribution"], shown["revision"]) == (None, None)
    assert scene.tokened(scene.maintainer).post(f"builds/{bare.pk}/again/").status_code == 409


def test_artifacts_that_were_not_taken_are_named(scene: Scene) -> None:
    build = factories.make_build(release=scene.release, refused=[["dist/link.whl", "It is a symbolic link."]])
    [refused] = Caller().get(f"builds/{build.pk}/").json()["refused"]
    assert refused == {"name": "dist/link.whl", "reason": "It is a symbolic link."}


def test_the_log_is_read_whole_or_from_an_offset(scene: Scene) -> None:
    build = factories.make_build(release=scene.release, log=LOG)
    whole = Caller().get(f"builds/{build.pk}/log")
    assert whole.content == LOG
    assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert whole.headers["X-Log-Next-Offset"] == str(len(LOG))
    assert whole.headers["X-Log-Over"] == "true"
    assert Caller().get(f"builds/{build.pk}/log?offset=9").content == LOG[9:]
    beyond = Caller().get(f"builds/{build.pk}/log?offset={2**40}")
    assert beyond.content == b""
    assert beyond.headers["X-Log-Next-Offset"] == str(2**40)


ODD_OFFSETS = ["-1", "x", "1.5", "9" * 30, str(2**62), "%00"]


def test_an_odd_offset_is_refused(scene: Scene, subtests: pytest.Subtests) -> None:
    for offset in ODD_OFFSETS:
        with subtests.test(offset=str(offset)[:40]):
            assert Caller().get(f"builds/{scene.build.pk}/log?offset={offset}").status_code == 400


def test_a_running_log_is_followed_until_it_is_over(scene: Scene) -> None:
    build = factories.make_build(release=scene.release, state=Build.State.RUNNING, attempts=1)
    path = f"builds/{build.pk}/log?offset="
    build.write_log(0, b"first\n")
    first = Caller().get(f"{path}0")
    assert (first.content, first.headers["X-Log-Over"]) == (b"first\n", "false")
    build.write_log(6, b"second\n")
    second = Caller().get(path + first.headers["X-Log-Next-Offset"])
    assert second.content == b"second\n"
    build.move(Build.State.FAILED, log=factories.make_blob(b"first\nsecond\nlast\n"))
    last = Caller().get(path + second.headers["X-Log-Next-Offset"])
    assert (last.content, last.headers["X-Log-Over"]) == (b"last\n", "true")


def test_a_build_is_asked_for_again(scene: Scene) -> None:
    response = scene.tokened(scene.author).post(f"builds/{scene.build.pk}/again/")
    assert response.status_code == 201, response.content
    assert response.json()["serial"] == 2
    assert response.json()["state"] == "queued"
    assert response.headers["Location"] == response.json()["url"]
    assert scene.tokened(scene.author).post(f"builds/{scene.build.pk}/again/").status_code == 409


def test_what_does_not_fit_is_not_built_again(scene: Scene) -> None:
    Fit.objects.update(state=Fit.State.CONFLICTS)
    assert scene.tokened(scene.author).post(f"builds/{scene.build.pk}/again/").status_code == 409
