"""No build is begun where the sandbox breaks a promise; nothing is lost, and builds go on when it is mended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Build, Builder
from contributions.pipeline import proving
from contributions.pipeline.building import build
from tests import factories

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from contributions.models import Recipe

pytestmark = pytest.mark.django_db
NO_JAIL = "#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 9.9\n"


@pytest.fixture
def fresh(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was just started, on a host where nobody has looked yet."""
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.setattr(proving, "_known", None)


@pytest.fixture
def without_jail(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first bwrap in sight is none."""
    del fresh
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text(NO_JAIL)
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin")


def queued(recipe: Recipe) -> Build:
    release = recipe.component.releases.get(name="1.0")
    return Build.objects.create(release=release, commit=release.commit, recipe=recipe.as_data(), recipe_digest="0")


@pytest.mark.attack("S34")
@pytest.mark.usefixtures("without_jail")
def test_where_a_promise_is_broken_the_build_waits(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    row = queued(recipe)
    assert build(row.pk) == []
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("queued", 0)
    host = Builder.objects.get()
    assert not host.may_build
    assert "a jail starts" in host.refusal
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    build(row.pk)
    row.refresh_from_db()
    assert row.state == "queued", "what went badly holds for a while"
    monkeypatch.setattr(proving, "_known", None)
    build(row.pk)
    row.refresh_from_db()
    assert row.is_over, row.sentence
    assert Builder.objects.get().may_build


@pytest.mark.usefixtures("fresh")
def test_a_proof_is_kept_for_the_next_start(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proving.refusal() == ""
    kept = settings.VAR_DIR / "proof.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    proof = json.loads(kept.read_text())
    proof["promises"] = [{"name": "told by the file", "held": True, "essential": True, "detail": ""}]
    kept.write_text(json.dumps(proof))
    monkeypatch.setattr(proving, "_known", None)
    assert proving.refusal() == ""
    assert Builder.objects.get().promises == proof["promises"]
    kept.write_text(json.dumps(proof | {"key": "another boot"}))
    monkeypatch.setattr(proving, "_known", None)
    assert proving.refusal() == ""
    assert len(Builder.objects.get().promises) > 30


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": 1, "at": "x", "refusal": ""}', '{"at": 1e999}'])
@pytest.mark.usefixtures("fresh")
def test_a_spoilt_proof_is_no_proof(settings: Any, content: str) -> None:
    settings.VAR_DIR.mkdir()
    (settings.VAR_DIR / "proof.json").write_text(content)
    assert proving.refusal() == ""
    assert len(Builder.objects.get().promises) > 30


def test_the_status_page_and_readyz_tell_of_a_host_that_refuses(client: Client) -> None:
    assert client.get("/readyz").json()["sandbox"] == "no builder has proven its sandbox yet"
    factories.make_builder("a.example", refusal="Builds are refused on a.example: no jail.")
    factories.make_builder("b.example")
    assert client.get("/readyz").json()["sandbox"] == "a.example: Builds are refused on a.example: no jail."
    page = client.get("/status/").content.decode()
    assert "Builds are refused on a.example: no jail." in page
    assert "version 2; they bound cpu, memory, pids" in page
    told = client.get("/api/v1/status/").json()
    assert [(host["host"], host["may_build"]) for host in told["builders"]] == [
        ("a.example", False),
        ("b.example", True),
    ]


def test_what_waits_is_counted_by_queue(client: Client, recipe: Recipe) -> None:
    row = queued(recipe)
    told = {line["queue"]: line for line in client.get("/api/v1/status/").json()["backlog"]}
    assert told["builds"]["waiting"] == 1
    assert told["builds"]["waiting_since"] is not None
    Build.objects.filter(pk=row.pk).update(state="running")
    told = {line["queue"]: line for line in client.get("/api/v1/status/").json()["backlog"]}
    assert (told["builds"]["waiting"], told["builds"]["running"]) == (0, 1)
    assert told["sign"] == {"queue": "sign", "waiting": 0, "running": 0, "waiting_since": None}
