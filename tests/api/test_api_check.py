"""What is told of a lock file: true, to everybody, and nothing of what is hidden."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator

from contributions.locks import LARGEST, SCHEMA, canonical
from contributions.models import Contribution, Event, Fit, Revision
from tests import factories
from tests.locks import entry, lock_on

if TYPE_CHECKING:
    from tests.api.conftest import Caller, Scene

pytestmark = pytest.mark.django_db

CHECK = "stacks/check/"


def told(caller: Caller, lock: dict[str, Any], query: str = "") -> dict[str, Any]:
    answer = caller.post(f"{CHECK}{query}", lock)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def make_public(scene: Scene, **given: Any) -> Contribution:
    return factories.make_contribution(release=scene.release, **given)


def test_nothing_needs_attention_in_a_stack_of_what_stands(scene: Scene, stranger: Caller) -> None:
    found = told(stranger, lock_on(scene.release, scene.contribution.current, make_public(scene).current))
    assert found["exit_code"] == 0
    assert found["counts"] == {
        "ok": 2, "withdrawn": 0, "quarantined": 0, "superseded": 0, "upstream": 0, "port": 0, "unknown": 0,
    }  # fmt: skip
    assert [row["state"] for row in found["entries"]] == ["ok", "ok"]


def test_what_was_withdrawn_outranks_all_else_and_gives_its_reason(scene: Scene, stranger: Caller) -> None:
    taken, newer = make_public(scene), make_public(scene)
    old = newer.current
    factories.make_revision(newer, diff=b"other")
    factories.approve(newer)
    lock = lock_on(scene.release, taken.current, old)
    assert told(stranger, lock)["exit_code"] == 11
    taken.move(Contribution.State.WITHDRAWN)
    Event.objects.write("withdrawn", contribution=taken, text="It loses data.")
    found = told(stranger, lock)
    assert found["exit_code"] == 12
    assert [row["state"] for row in found["entries"]] == ["withdrawn", "superseded"]
    assert found["entries"][0]["findings"][0]["sentence"] == "It was withdrawn: It loses data."
    assert found["entries"][1]["findings"][0]["revision"] == 2


@pytest.mark.parametrize("approved", [False, True])
def test_only_an_approved_revision_with_other_content_supersedes(
    scene: Scene, stranger: Caller, *, approved: bool
) -> None:
    old = scene.contribution.current
    newer = factories.make_revision(scene.contribution, diff=b"other")
    if approved:
        factories.approve(scene.contribution)
    assert told(stranger, lock_on(scene.release, old))["exit_code"] == (11 if approved else 0)
    Revision.objects.filter(pk=newer.pk).update(carries={"1": "same"})
    assert told(stranger, lock_on(scene.release, old))["exit_code"] == 0


def test_what_upstream_has_names_release_and_commit(scene: Scene, stranger: Caller) -> None:
    revision = scene.contribution.current
    later = factories.make_release(scene.release.component, "4.8.0")
    factories.make_fit(revision, later, state=Fit.State.UPSTREAM, upstream_commit="d" * 40)
    lock = lock_on(scene.release, revision)
    found = told(stranger, lock)
    assert found["exit_code"] == 10
    (finding,) = found["entries"][0]["findings"]
    assert (finding["word"], finding["release"], finding["commit"]) == ("upstream", "4.8.0", "d" * 40)
    assert told(stranger, lock, "?release=4.7.0")["exit_code"] == 0
    assert told(stranger, lock, "?release=4.8.0")["exit_code"] == 10
    left_out = lock_on(scene.release, revision, entries=[entry(revision, state="upstream")])
    assert told(stranger, left_out)["exit_code"] == 0


def test_a_port_to_a_later_release_is_named(scene: Scene, stranger: Caller) -> None:
    revision = scene.contribution.current
    later = factories.make_release(scene.release.component, "4.8.0")
    port = factories.make_revision(
        scene.contribution, diff=b"ported", ports=revision, release=later, submitted_by=scene.contribution.author
    )
    factories.make_port(revision, later)  # a stranger's, which is newer
    Contribution.objects.filter(pk=scene.contribution.pk).update(current=revision)
    found = told(stranger, lock_on(scene.release, revision))
    assert found["entries"][0]["state"] == "port"
    assert found["entries"][0]["findings"][0]["revision"] == port.number


def test_what_a_release_costs_is_told_with_its_exit_code(scene: Scene, stranger: Caller) -> None:
    revision = scene.contribution.current
    later = factories.make_release(scene.release.component, "4.8.0")
    lock = lock_on(scene.release, revision)

    def cost() -> tuple[str, int]:
        found = told(stranger, lock, "?release=4.8.0")
        return found["entries"][0]["outlook"]["do"], found["exit_code"]

    assert told(stranger, lock)["exit_code"] == 0, "the control: of the release nothing is asked"
    assert cost() == ("unknown", 1)
    fit = factories.make_fit(revision, later, state=Fit.State.CONFLICTS, conflicts=["a.py"])
    assert cost() == ("work", 1)
    port = factories.make_revision(scene.contribution, diff=b"ported", ports=revision, release=later)
    Contribution.objects.filter(pk=scene.contribution.pk).update(current=revision)
    assert cost() == ("unknown", 1), "the port is not judged"
    factories.make_fit(port, later, state=Fit.State.APPLIES)
    assert cost() == ("port", 11)
    Fit.objects.filter(pk=fit.pk).update(state=Fit.State.MERGES)
    assert cost() == ("carry", 0)


def test_an_advisory_and_a_file_that_was_taken_back_count_as_taken_back(scene: Scene, stranger: Caller) -> None:
    revision = scene.contribution.current
    factories.make_advisory(revision)
    found = told(stranger, lock_on(scene.release, revision))
    assert found["exit_code"] == 12
    assert len(found["entries"][0]["advisories"]) == 1
    publication = factories.make_publication(scene.build)
    (artifact,) = publication.artifacts
    named = {"name": artifact.name, "sha256": artifact.sha256, "size": artifact.size}
    built = {"number": 1, "url": "https://patches.example.org/builds/1/", "provenance": "e" * 64, "artifacts": [named]}
    other = make_public(scene).current
    assert told(stranger, lock_on(scene.release, other, build=built))["exit_code"] == 0
    publication.move("withdrawn", reason="It loses data.")
    found = told(stranger, lock_on(scene.release, other, build=built))
    assert (found["exit_code"], found["artifacts"][0]["reason"]) == (12, "It loses data.")


def test_what_is_hidden_is_unknown_as_if_it_were_not_there(scene: Scene, stranger: Caller) -> None:
    """A draft, whatever its digest; what is in quarantine, unless one has its patch; what was never there."""
    draft = make_public(scene, is_draft=True).current
    held = make_public(scene)
    Contribution.objects.filter(pk=held.pk).update(quarantined_at="2026-01-01T00:00Z")
    wrong = entry(held.current) | {"patch": {"url": "https://patches.example.org/", "sha256": "0" * 64}}
    nothing = entry(held.current, contribution=held.pk + 1000)
    for one in (entry(draft), wrong, nothing):
        found = told(stranger, lock_on(scene.release, entries=[one]))
        assert found["entries"][0]["state"] == "unknown"
        assert found["entries"][0]["findings"][0]["sentence"] == "It is not known here, or you may not know of it."
        assert found["exit_code"] == 1
    found = told(stranger, lock_on(scene.release, held.current))
    assert (found["entries"][0]["state"], found["exit_code"]) == ("quarantined", 12)
    author = scene.tokened(draft.contribution.author)
    assert told(author, lock_on(scene.release, draft))["entries"][0]["state"] == "ok"


def test_another_digest_of_the_same_revision_is_not_vouched_for(scene: Scene, stranger: Caller) -> None:
    forged = entry(scene.contribution.current)
    forged["patch"] = forged["patch"] | {"sha256": "0" * 64}
    found = told(stranger, lock_on(scene.release, entries=[forged]))
    assert found["entries"][0]["state"] == "unknown"
    assert "another SHA-256" in found["entries"][0]["findings"][0]["sentence"]


def broken(lock: dict[str, Any]) -> dict[str, bytes]:
    good = canonical(lock).decode()
    first = dict(lock["entries"][0])
    return {
        "": b"",
        "This is not JSON": b"{",
        "nested too deeply": b"[" * 100_000,
        "UTF-8": b'{"a": "\xff"}',
        "names a field twice": good.replace('"version": 1', '"version": 1, "version": 1').encode(),
        "“format” of the lock must be": good.replace("patchbay.lock", "poetry.lock").encode(),
        "“version” of the lock must be 1": good.replace('"version": 1', '"version": 2').encode(),
        "The lock must be an object": b"[]",
        "The lock lacks “base_commit”": b"{}",
        "whole numbers alone": good.replace('"number": 1', '"number": 1.5').encode(),
        "has whole numbers": good.replace('"number": 1', '"number": NaN').encode(),
        "too large": good.replace('"number": 1', '"number": ' + "9" * 5000).encode(),
        "out of range": good.replace('"number": 1', '"number": 99999999999').encode(),
        "must be an integer": good.replace('"number": 1', '"number": true').encode(),
        "a field “more”": canonical(lock | {"more": 1}),
        "“entries” of the lock must be an array": canonical(lock | {"entries": {}}),
        "and 200 is the most": canonical(lock | {"entries": [first] * 201}),
        "names a contribution twice": canonical(lock | {"entries": [first] * 2}),
        "longer than": canonical(lock | {"entries": [first | {"title": "x" * 300}]}),
        "no character": good.replace("Wait longer between retries", "\\u0000").encode(),
        "not of the form": canonical(lock | {"base_commit": "HEAD"}),
        "must be one of": canonical(lock | {"entries": [first | {"state": "fine"}]}),
        "no component": canonical(lock | {"component": lock["component"] | {"slug": "nova"}}),
    }


def test_a_hostile_lock_is_refused_in_a_sentence(scene: Scene) -> None:
    for words, content in broken(lock_on(scene.release, scene.contribution.current)).items():
        answer = Client().post("/api/v1/stacks/check/", content, content_type="application/json")
        assert answer.status_code == 400, (words, answer.content)
        assert words in answer.json()["detail"], (words, answer.json())


def test_what_is_too_large_is_refused_before_it_is_read(scene: Scene) -> None:
    del scene
    answer = Client().post("/api/v1/stacks/check/", b" " * (LARGEST + 1), content_type="application/json")
    assert answer.status_code == 413


def test_a_lock_of_another_component_is_refused(scene: Scene, stranger: Caller) -> None:
    other = factories.make_release()
    answer = stranger.post(CHECK, lock_on(other, scene.contribution.current))
    assert answer.status_code == 400
    assert "is not a contribution to" in answer.json()["detail"]
    assert stranger.post(f"{CHECK}?release=9.9", lock_on(scene.release)).status_code == 400


def test_the_schema_and_the_reader_agree(scene: Scene) -> None:
    """What the reader takes the schema takes; what it refuses for its form the schema refuses."""
    validator = Draft202012Validator(SCHEMA)
    lock = lock_on(scene.release, scene.contribution.current)
    assert validator.is_valid(lock)
    beyond = ("twice", "deeply", "no character", "no component", "UTF-8", "not JSON", "NaN", "whole")
    for words, content in broken(lock).items():
        if words and not any(part in words for part in beyond) and b"9" * 100 not in content:
            assert not validator.is_valid(json.loads(content)), words


def test_thirty_cost_as_many_queries_as_one_and_little_time(scene: Scene, stranger: Caller) -> None:
    def asked(count: int) -> tuple[int, float]:
        revisions = [make_public(scene).current for _ in range(count)]
        for revision in revisions:
            factories.make_fit(revision, scene.release, state=Fit.State.UPSTREAM, upstream_commit="d" * 40)
        lock = lock_on(scene.release, *revisions)
        began = time.process_time()
        with CaptureQueriesContext(connection) as queries:
            assert told(stranger, lock)["exit_code"] == 10
        return len(queries), time.process_time() - began

    asked(1)
    few, _ = asked(1)
    many, seconds = asked(30)
    assert few == many
    assert seconds < 2
