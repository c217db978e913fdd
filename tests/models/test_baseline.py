"""What a red build says beside the bare release, for each way in which either of them can end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Build, Standing
from contributions.models.baseline import MANY, compared, set_beside
from tests.factories import make_build, make_commit_id, make_release, make_revision

if TYPE_CHECKING:
    from contributions.models import Release

pytestmark = pytest.mark.django_db


def red(release: Release, *tests: str, **given: Any) -> Build:
    usual = {"state": "failed", "failed_step": "test" if tests else "build", "upstream_commit": release.commit}
    usual |= {"failed_tests": list(tests), "failed_test": tests[0] if tests else ""}
    return make_build(given.pop("revision", None) or make_revision(), release, **(usual | given))


def bare(release: Release, *tests: str, **given: Any) -> Build:
    usual = {"state": "failed", "failed_step": "test" if tests else "build", "failed_tests": list(tests)}
    return make_build(None, release, **(usual | given))


PASSED = {"state": "passed", "failed_step": ""}


@pytest.mark.parametrize(
    ("patched", "without", "word", "sentence"),
    [
        (("a", "b"), ((), PASSED), "only-with-this-patch", "Fails a, which the bare release passes."),
        ((), ((), PASSED), "only-with-this-patch", "Fails in the step build, which the bare release passes."),
        (("a", "b"), (("a",), {}), "only-with-this-patch", "Fails b, which the bare release passes."),
        (("a",), (("a", "b"), {}), "was-already-failing", "Was already failing: the same test fails without it."),
        (("a", "b"), (("b", "a"), {}), "was-already-failing", "Was already failing: the same tests fail without it."),
        ((), (("a",), {}), "only-with-this-patch", "Fails in the step build, which the bare release passes."),
        (("a",), ((), {}), "was-already-failing", "Was already failing: the bare release does not pass either."),
        ((), ((), {}), "was-already-failing", "Was already failing: the bare release does not pass either."),
        (("a",), ((), {"state": "queued"}), "not-known-yet", "The bare release is being built for comparison."),
        (("a",), ((), {"state": "errored"}), "not-known-yet", "The bare release could not be built through a fault"),
        (
            ("x",),
            (tuple(f"t{n}" for n in range(MANY)), {}),
            "was-already-failing",
            "Was already failing: the same test",
        ),
    ],
)
def test_a_red_build_says_what_the_patch_broke(patched: Any, without: Any, word: str, sentence: str) -> None:
    release = make_release()
    build = red(release, *patched)
    bare(release, *without[0], **without[1])
    found = compared([build])[build.pk]
    assert found.word == word
    assert found.sentence.startswith(sentence)


def test_without_a_bare_build_of_the_same_commit_and_recipe_nothing_is_known() -> None:
    release = make_release()
    build = red(release, "a")
    bare(release, commit=make_commit_id(), **PASSED)
    bare(release, recipe_digest="other", **PASSED)
    found = compared([build])[build.pk]
    assert (found.bare, found.word) == (None, "not-known-yet")
    assert found.sentence.startswith("The bare release is not built yet")


def test_an_old_build_that_names_no_commit_is_held_against_the_newest_bare_one() -> None:
    release = make_release()
    build = red(release, "a", upstream_commit="")
    bare(release, **PASSED)
    assert compared([build])[build.pk].word == "only-with-this-patch"


def test_a_list_costs_one_query_and_a_green_one_none() -> None:
    release = make_release()
    bare(release, **PASSED)
    builds = [red(release, "a") for _ in range(5)]
    with CaptureQueriesContext(connection) as asked:
        set_beside(builds)
    assert len(asked) == 1
    assert all(build.beside for build in builds)
    green = make_build(make_revision(), release)
    with CaptureQueriesContext(connection) as asked:
        set_beside([green])
    assert (len(asked), green.beside) == (0, None)


@pytest.mark.parametrize(("tests", "counts"), [(["a"], 0), (["a", "new"], 1)])
def test_only_what_the_patch_broke_counts_against_it(tests: list[str], counts: int) -> None:
    release = make_release()
    revision = make_revision()
    revision.contribution.component = release.component
    revision.contribution.save()
    red(release, *tests, revision=revision)
    bare(release, "a")
    Standing.objects.recompute(revision.contribution)
    assert Standing.objects.get().counts["against_builds"] == counts
