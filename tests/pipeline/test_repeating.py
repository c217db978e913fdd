"""A build that is made twice: in another place the same bytes earn a mark, and other bytes a report on what differs."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from contributions.actions.rebuilding import MOST_REPETITIONS, build_again, repeat_build
from contributions.actions.sources import PatchFile
from contributions.errors import Clash, NotAllowed
from contributions.inspection.comparing import compare
from contributions.models import Attestation, Build, Contribution, Event, Publication, Standing
from contributions.pipeline.building import build
from contributions.pipeline.publishing import forgotten, publish
from contributions.pipeline.repeating import queue_repetition, waiting_repetitions
from contributions.sandbox import ELSEWHERE, USUAL
from tests import factories
from tests.pages.conftest import body, signed_in
from tests.pipeline.test_way_of_a_contribution import built, judged, received, share, upload
from tests.platform import SONG_MENDED

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Component, Person, Recipe
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db

# Everything that a repetition changes, written into an artifact.
TELLTALE = """
mkdir -p dist
{ pwd; date -d @0 +%H; umask; uname -n; echo "$LANG"; echo "$HOME"; } > dist/telltale.txt
"""
# Everything that a repetition must leave as it was.
STEADY = """
mkdir -p dist
{ cat song.txt; echo "$SOURCE_DATE_EPOCH $VERSION"; id -u; cat /prepared/* 2>/dev/null || true; } > dist/steady.txt
"""


@pytest.fixture
def contribution(author: Person, component: Component, upstream: Upstream, recipe: Recipe) -> Contribution:
    del recipe
    mail = upstream.patch("4.0", "Count to fifteen in words", song__txt=SONG_MENDED)
    return share(author, component, PatchFile(upload(mail)), release="4.0")


def first_build(contribution: Contribution, recipe: Recipe, script: str) -> Build:
    recipe.build, recipe.test = script, ""
    recipe.save()
    builds = built(judged(received(contribution)))
    first = next(row for row in builds if row.release.name == "4.0")
    assert first.state == "passed", first.read_log().decode()
    return first


def repeated(first: Build) -> Build:
    row = queue_repetition(first)
    assert row is not None
    build(row.pk)
    row.refresh_from_db()
    return row


@pytest.mark.attack("T14")
def test_the_same_bytes_elsewhere_are_marked_reproducible(contribution: Contribution, recipe: Recipe) -> None:
    first = first_build(contribution, recipe, STEADY)
    assert first.is_reproducible is None
    second = repeated(first)
    assert (second.state, second.likeness, second.difference) == ("passed", "same", None), second.sentence
    assert first.is_reproducible is True
    assert second.artifacts.get().blob_id == first.artifacts.get().blob_id
    assert "byte for byte the same" in Client().get(f"/builds/{second.pk}/").content.decode()
    assert "reproducible" in Client().get(f"/builds/{first.pk}/").content.decode()
    told = Client().get(f"/api/v1/builds/{first.pk}/").json()
    assert (told["reproducible"], told["repeats"], told["difference"]) == (True, None, None)
    assert Event.objects.get(verb="reproduced").text == "the same bytes again"


@pytest.mark.attack("T14")
def test_other_bytes_are_flagged_with_a_report(contribution: Contribution, recipe: Recipe) -> None:
    """The artifact holds all that differs, so this also shows that the second run is another in every respect."""
    if shutil.which("diffoscope") is None:
        pytest.fail("diffoscope is not installed; make setup-tests installs it.")
    first = first_build(contribution, recipe, TELLTALE)
    second = repeated(first)
    assert (second.state, second.likeness) == ("passed", "different"), second.sentence
    assert second.difference is not None
    report = second.difference.read().decode()
    for was, now in (
        (USUAL.tree, ELSEWHERE.tree), ("00", "13"), ("0022", "0027"), ("build", "elsewhere"),
        ("C.UTF-8", "fr_CH.UTF-8"), ("/build/home", "/build/another/home"),
    ):  # fmt: skip
        assert f"-{was}\n" in report, report
        assert f"+{now}\n" in report, report
    assert first.is_reproducible is False
    page = Client().get(f"/builds/{second.pk}/").content.decode()
    assert "fr_CH.UTF-8" in page
    download = Client().get(Client().get(f"/api/v1/builds/{second.pk}/").json()["difference"])
    assert body(download).decode() == report
    assert download["Content-Disposition"].startswith("attachment")


def test_a_repetition_is_no_evidence_and_no_release(contribution: Contribution, recipe: Recipe) -> None:
    first = first_build(contribution, recipe, STEADY)
    before = Standing.objects.filter(contribution=contribution).values_list("score", "build_state")
    before, serial = list(before), first.serial
    recipe.build = "false"
    second = repeated(first)
    assert (second.serial, second.recipe) == (1, first.recipe)
    assert list(Standing.objects.filter(contribution=contribution).values_list("score", "build_state")) == before
    again = build_again(person=contribution.author, revision=first.revision, release=first.release)
    assert again.serial == serial + 1
    Build.objects.filter(pk=again.pk).update(state="failed")
    contribution.move(Contribution.State.APPROVED)
    publish(contribution.pk)
    assert Publication.objects.get(release=first.release).build == first
    assert forgotten(10) == []


def test_what_is_published_is_repeated_by_itself(contribution: Contribution, recipe: Recipe, settings: object) -> None:
    settings.REPEAT_BUILDS = "asked"  # type: ignore[attr-defined]
    control = factories.make_artifact().build.revision.contribution
    control.move(Contribution.State.APPROVED)
    assert publish(control.pk)
    assert waiting_repetitions(control.pk) == []
    settings.REPEAT_BUILDS = "published"  # type: ignore[attr-defined]
    first = first_build(contribution, recipe, STEADY)
    contribution.move(Contribution.State.APPROVED)
    publish(contribution.pk)
    publish(contribution.pk)
    [row] = [row for row in waiting_repetitions(contribution.pk) if row.release_id == first.release_id]
    assert row.repeats == first
    etag = Client().get("/api/v1/feed/")["ETag"]
    atom = Client().get("/feed.atom")["ETag"]
    assert {entry["reproducible"] for entry in Client().get("/api/v1/feed/").json()["results"]} == {None}
    build(row.pk)
    after = Client().get("/api/v1/feed/", headers={"If-None-Match": etag})
    assert after.status_code == 200
    assert True in {entry["reproducible"] for entry in after.json()["results"]}
    assert b"and reproducible." in Client().get("/feed.atom", headers={"If-None-Match": atom}).content
    publication = Publication.objects.get(release=first.release)
    for address in ("/published/", publication.get_absolute_url(), f"/contributions/{contribution.pk}/matrix/"):
        assert ">reproducible<" in Client().get(address).content.decode(), address


def test_a_repetition_that_fails_tells_nothing(contribution: Contribution, recipe: Recipe) -> None:
    first = first_build(contribution, recipe, f'[ "$PWD" = {USUAL.tree} ]\n{STEADY}')
    second = repeated(first)
    assert (second.state, second.likeness, first.is_reproducible) == ("failed", "", None)
    assert not Build.objects.bare().exists()
    assert not Attestation.objects.filter(build=second).exists()


def test_who_is_signed_in_may_have_a_build_repeated_and_not_without_end() -> None:
    passed = factories.make_build()
    doubter = factories.make_person()
    assert Client().post(f"/builds/{passed.pk}/repeat/")["Location"].startswith("/account/login/")
    answer = signed_in(doubter).post(f"/builds/{passed.pk}/repeat/")
    row = passed.repetitions.get()
    assert answer["Location"] == f"/builds/{row.pk}/"
    with pytest.raises(Clash, match="is being repeated already"):
        repeat_build(person=doubter, build=passed)
    for count in range(2, MOST_REPETITIONS + 1):
        passed.repetitions.update(state="passed", likeness="same")
        assert repeat_build(person=doubter, build=passed).serial == count
    passed.repetitions.update(state="passed", likeness="same")
    with pytest.raises(Clash, match="enough to tell"):
        repeat_build(person=doubter, build=passed)
    for other in (row, factories.make_build(state="failed"), factories.make_build(release=factories.make_release())):
        other.refresh_from_db()
        with pytest.raises(Clash, match="Only a passed build"):
            repeat_build(person=doubter, build=other)
    with pytest.raises(NotAllowed):
        repeat_build(person=AnonymousUser(), build=passed)  # type: ignore[arg-type]


def test_two_who_ask_at_once_get_one_repetition() -> None:
    passed = factories.make_build()
    assert queue_repetition(passed) is not None
    assert queue_repetition(passed) is None


def test_where_diffoscope_is_missing_members_are_compared(tmp_path: Path) -> None:
    for side, mode, extra in (("first", 0o644, "a"), ("second", 0o640, "b")):
        place = tmp_path / side / "dist"
        place.mkdir(parents=True)
        (place / "same.txt").write_text("same")
        (place / extra).write_text("only here")
        with zipfile.ZipFile(place / "tool.whl", "w") as archive:
            info = zipfile.ZipInfo("METADATA")
            info.external_attr = mode << 16
            archive.writestr(info, "Name: tool")
    told = list(compare(str(tmp_path / "first"), str(tmp_path / "second")))
    assert told[0] == "dist/a: only the first build made it"
    assert told[1] == "dist/b: only the second build made it"
    assert told[2].startswith("dist/tool.whl: ")
    assert "mode 644" in told[3]
    assert "then 10 bytes" in told[3]
    assert len(told) == 4
