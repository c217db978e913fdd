"""By REST alone, on real parts: from a patch that was sent to a feed that names its build."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contributions.models import Build, Component, Fit
from contributions.pipeline.building import build
from contributions.pipeline.fitting import fit
from contributions.pipeline.publishing import publish
from contributions.pipeline.receiving import receive
from tests import factories
from tests.api.conftest import SCOPES, Caller, make_token
from tests.platform import GIT_IDENTITY, SHOUT, Upstream, _kept_apart, author, component, recipe, upstream  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from contributions.models import Person, Recipe

pytestmark = pytest.mark.django_db


def tokened(person: Person) -> Caller:
    return Caller(person, make_token(person, *SCOPES))


def work() -> None:
    """What the workers do."""
    for row in Fit.objects.filter(state="queued"):
        fit(row.pk)
    for row in Build.objects.filter(state="queued"):
        build(row.pk)


def test_a_patch_goes_from_its_upload_to_the_feed(
    component: Component,  # noqa: F811 - the fixture
    recipe: Recipe,  # noqa: F811 - the fixture
    upstream: Upstream,  # noqa: F811 - the fixture
    author: Person,  # noqa: F811 - the fixture
) -> None:
    assert recipe
    maintainer = factories.make_person()
    component.maintainers.add(maintainer)
    sender, reviewer, stranger = tokened(author), tokened(maintainer), Caller()

    patch = upstream.patch("2.0", "Greet louder", greeting__py=SHOUT)
    form = {"component": "song", "release": "2.0", "kind": "improvement", "title": "Greet louder"}
    sent = sender.upload("contributions/", form | {"patch": SimpleUploadedFile("0001-Greet-louder.patch", patch)})
    assert sent.status_code == 201, sent.content
    one = sent.headers["Location"]
    assert stranger.get(one).status_code == 404

    receive(component.contributions.get().revisions.get().pk)
    shown = stranger.get(one).json()
    assert (shown["revision"], shown["latest"]["state"]) == (1, "received")
    revision = stranger.get(shown["latest"]["url"]).json()
    assert [commit["subject"] for commit in revision["commits"]] == ["Greet louder"]
    assert [file["path"] for file in revision["files"]] == ["greeting.py"]

    mbox = stranger.get(shown["links"]["patch"]).whole
    upstream.git("checkout", "-q", "--detach", "2.0")
    subprocess.run(["git", "am", "-q"], cwd=upstream.path, env=GIT_IDENTITY, input=mbox, check=True)
    assert (upstream.path / "greeting.py").read_text() == SHOUT

    work()
    fits = {row["release"]: row["state"] for row in stranger.listed(shown["links"]["fits"])}
    assert fits == dict.fromkeys(("1.0", "2.0", "3.0", "4.0"), "applies")
    builds = {row["release"]: row for row in stranger.listed(shown["links"]["builds"])}
    assert {row["state"] for row in builds.values()} == {"passed"}
    log = stranger.get(builds["2.0"]["log"])
    assert log.headers["X-Log-Over"] == "true"
    assert b"build" in log.content

    number = shown["number"]
    review = {"verdict": "approve", "revision": 1, "message": "Loud enough."}
    assert reviewer.post(f"contributions/{number}/reviews/", review).status_code == 201
    assert publish(number)
    feed = stranger.listed("feed/?component=song&release=2.0")
    assert [entry["contribution"] for entry in feed] == [number]
    [artifact] = feed[0]["artifacts"]
    content = Client().get(artifact["url"]).getvalue()
    assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
    assert len(content) == artifact["size"]

    gone = reviewer.post(f"publications/{feed[0]['publication']}/withdraw/", {"reason": "Too loud."})
    assert gone.json()["state"] == "withdrawn"
    assert [entry["event"] for entry in stranger.listed("feed/?release=2.0")] == ["withdrawn", "published"]
