"""A real build of a patched release, and keys in a directory of the test's own."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.models import Build
from contributions.pipeline.attesting import sign
from contributions.pipeline.building import build
from contributions.pipeline.fitting import fit
from contributions.pipeline.receiving import receive
from tests.platform import SONG_MENDED, Upstream, _kept_apart, author, component, recipe, upstream  # noqa: F401
from tests.worker.conftest import crew  # noqa: F401

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Attestation, Component, Contribution, Person, Recipe


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> Path:
    """Where the keys of this test lie; none of them is made yet."""
    settings.KEYS_DIR = tmp_path / "keys"
    return tmp_path / "keys"


@pytest.fixture
def mending(author: Person, component: Component, recipe: Recipe, upstream: Upstream) -> Contribution:  # noqa: F811
    """A patch that fits release 1.0 and waits to be built there."""
    assert recipe
    component.releases.exclude(name="1.0").update(state="retired")
    message = "Count to fifteen in words\n\nCloses-Bug: #4711\nCVE-2026-12345 is mended with it."
    mail = upstream.patch("1.0", message, song__txt=SONG_MENDED)
    contribution = submit(
        author=author,
        component=component,
        kind="refinement",
        title="Count to fifteen in words",
        release=component.releases.get(name="1.0"),
        source=PatchFile(SimpleUploadedFile("0001.patch", mail)),
    )
    receive(contribution.revisions.get().pk)
    fit(contribution.revisions.get().fits.get().pk)
    contribution.refresh_from_db()
    return contribution


@pytest.fixture
def built(mending: Contribution) -> Build:
    """The build of it, passed; its attestation waits to be signed."""
    made = Build.objects.get(revision__contribution=mending)
    build(made.pk)
    made.refresh_from_db()
    assert made.has_passed, made.sentence + made.read_log().decode()
    return made


@pytest.fixture
def signed(built: Build) -> Attestation:
    return sign_now(built)


def sign_now(built: Build) -> Attestation:
    sign(built.attestation.pk)
    built.attestation.refresh_from_db()
    assert built.attestation.is_signed, built.attestation.sentence
    return built.attestation


def statement_in(envelope: bytes) -> dict[str, Any]:
    statement: dict[str, Any] = json.loads(b64decode(json.loads(envelope)["payload"]))
    return statement
