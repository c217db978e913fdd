"""What is written into patches and addresses: shown as it is, and kept nowhere when it was refused."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.pipeline.receiving import receive
from tests.pages.conftest import signed_in
from tests.platform import SONG_MENDED, _kept_apart, author, component, recipe, upstream  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from contributions.models import Component, Person
    from tests.pages.conftest import Platform
    from tests.platform import Upstream

PASSWORD = "hunter2-and-more"
SCRIPT = "<script>alert(1)</script>"


def written_rows() -> str:
    """Everything that stands in the tables of the portal, as text."""
    rows = (row for model in apps.get_app_config("contributions").get_models() for row in model.objects.values())
    return "\n".join(map(str, rows))


@pytest.mark.attack("G05")
@pytest.mark.parametrize("face", ["page", "api"])
def test_a_password_in_an_address_is_kept_nowhere(
    platform: Platform, caplog: pytest.LogCaptureFixture, face: str
) -> None:
    form = {
        "component": platform.component.slug, "release": platform.release.slug,
        "kind": "refinement", "title": "Mend it",
        "git_url": f"https://bob:{PASSWORD}@git.example.org/x.git", "git_ref": "main",
    }  # fmt: skip
    address = "/submit/" if face == "page" else "/api/v1/contributions/"
    caplog.set_level(logging.DEBUG)
    answer = platform.client("member").post(address, form)
    assert answer.status_code in {400, 422}, answer.content
    assert "user name or a password" in answer.content.decode()
    assert PASSWORD not in written_rows()
    assert PASSWORD not in caplog.text
    assert "Mend it" not in written_rows(), "nothing was made of it"


@pytest.mark.django_db
@pytest.mark.attack("P12")
@pytest.mark.parametrize("spelling", ["base64", "quoted", "utf-7", "plain"])
def test_a_subject_in_disguise_is_shown_and_not_obeyed(
    author: Person,  # noqa: F811
    component: Component,  # noqa: F811
    upstream: Upstream,  # noqa: F811
    spelling: str,
) -> None:
    words = {
        "base64": f"=?utf-8?b?{base64.b64encode(SCRIPT.encode()).decode()}?=",
        "quoted": "=?utf-8?q?=3Cscript=3Ealert(1)=3C/script=3E?=",
        "utf-7": "=?utf-7?q?+ADw-script+AD4-alert(1)+ADw-/script+AD4-?=",
        "plain": SCRIPT,
    }[spelling]
    patch = upstream.patch("1.0", "Count in words", song__txt=SONG_MENDED).replace(
        b"[PATCH] Count in words", f"[PATCH] {words}".encode()
    )
    source = PatchFile(SimpleUploadedFile(f"{SCRIPT}.patch", patch))
    release = component.releases.get(name="1.0")
    made = submit(author=author, component=component, kind="refinement", title=SCRIPT, release=release, source=source)
    receive(made.revisions.get().pk)
    made.refresh_from_db()
    if made.current is None:
        assert made.revisions.get().sentence, "refused in a sentence"
        return
    assert "alert(1)" in made.current.commits[0]["subject"], "the words came through, so that the rest means something"
    for tab in ("", "changes/"):
        page = signed_in(author).get(f"/contributions/{made.pk}/{tab}").content.decode()
        assert "alert(1)" in page
        assert "<script>alert" not in page
    feed = signed_in(None).get("/feed.atom").content
    assert ET.fromstring(feed).tag.endswith("feed")  # noqa: S314 - our own feed
    assert SCRIPT.encode() not in feed
