from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.models import Contribution, Revision
from tests import factories

if TYPE_CHECKING:
    from tests.pages.conftest import Platform


def typed(platform: Platform, **more: Any) -> dict[str, Any]:
    usual = {
        "kind": "refinement",
        "component": "swiftclient",
        "release": platform.release.slug,
        "title": "Close the connection",
        "description": "It *leaks*.",
        "git_url": "",
        "git_ref": "",
        "sha256": "",
    }
    return usual | more


def patch(content: bytes = factories.DIFF, name: str = "0001-close.patch") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_patch_is_shared_in_one_form(platform: Platform) -> None:
    answer = platform.client("member").post("/submit/", typed(platform, patch=patch()))
    made = Contribution.objects.latest("pk")
    assert answer["Location"] == f"/contributions/{made.pk}/"
    revision = made.revisions.get()
    assert (revision.source, revision.filename) == (Revision.Source.PATCH, "0001-close.patch")
    assert revision.raw is not None
    assert revision.raw.read() == factories.DIFF
    page = platform.client("member").get(answer["Location"]).content.decode()
    assert "v1 waits to be received." in page
    assert '<meta http-equiv="refresh"' in page


def test_an_executable_and_an_experience_are_shared_by_the_same_form(platform: Platform) -> None:
    client = platform.client("member")
    client.post("/submit/", typed(platform, kind="executable", artifact=patch(b"\x7fELF", "driver.bin")))
    assert Contribution.objects.latest("pk").revisions.get().source == Revision.Source.ARTIFACT
    client.post("/submit/", typed(platform, kind="experience", release=""))
    assert Contribution.objects.latest("pk").revisions.get().source == Revision.Source.NOTE


def test_nothing_typed_is_lost_when_the_form_is_refused(platform: Platform) -> None:
    client = platform.client("member")
    answer = client.post("/submit/", typed(platform, title="", patch=patch(name="kept.patch")))
    assert answer.status_code == 400
    page = answer.content.decode()
    assert re.search(r'id="id_title_error"><li>The title is missing', page)
    assert "It *leaks*." in page
    assert f'value="{platform.release.slug}" selected' in page
    assert "Kept from before: <b>kept.patch</b>" in page
    kept = re.search(r'name="kept_patch" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    client.post("/submit/", typed(platform, title="Now with a title", kept_patch=kept))
    revision = Contribution.objects.get(title="Now with a title").revisions.get()
    assert revision.filename == "kept.patch"
    assert revision.raw is not None
    assert revision.raw.read() == factories.DIFF


def test_a_kept_file_is_its_senders_alone(platform: Platform) -> None:
    page = platform.client("author").post("/submit/", typed(platform, title="", patch=patch())).content.decode()
    kept = re.search(r'name="kept_patch" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    answer = platform.client("member").post("/submit/", typed(platform, kept_patch=kept))
    assert answer.status_code == 400
    assert "A refinement needs a patch file" in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "status", "field", "words"),
    [
        ({"title": "t" * 201}, 413, "title", "201 characters"),
        ({"title": "a\x00b"}, 400, "title", "Null characters"),
        ({"release": ""}, 400, "release", "Choose the release"),
        ({"component": "none"}, 400, "component", "not one of the available choices"),
        ({"kind": "poem"}, 400, "kind", "not one of the available choices"),
        ({"description": "d" * 70_000}, 413, "description", "65,536 is the most"),
        ({"kind": "executable"}, 400, "kind", "needs an artifact file"),
        ({"kind": "experience", "description": ""}, 400, "description", "Tell your experience"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    platform: Platform, change: dict[str, str], status: int, field: str, words: str
) -> None:
    before = Contribution.objects.count()
    answer = platform.client("member").post("/submit/", typed(platform, patch=patch()) | change)
    assert answer.status_code == status
    page = answer.content.decode()
    errors = re.search(rf'id="id_{field}(?:_\d)?_error">(.*?)</ul>', page, re.DOTALL)
    assert errors is not None
    assert words in errors.group(1)
    assert Contribution.objects.count() == before


def test_a_refinement_without_a_patch_is_refused(platform: Platform) -> None:
    answer = platform.client("member").post("/submit/", typed(platform))
    assert answer.status_code == 400
    assert "needs a patch file, or a git URL and a ref" in answer.content.decode()


def test_a_git_address_that_may_not_be_pulled_is_refused_beside_its_field(platform: Platform) -> None:
    for url in ("ext::sh -c id", "file:///etc", "--upload-pack=id", "https://127.0.0.1/x.git"):
        answer = platform.client("member").post("/submit/", typed(platform, git_url=url, git_ref="main"))
        assert answer.status_code == 400, url
    assert Contribution.objects.filter(title="Close the connection").count() == 0


def test_an_upload_above_the_limit_is_refused_before_it_is_read(platform: Platform) -> None:
    client = platform.client("member")
    answer = client.post("/submit/", typed(platform), headers={"Content-Length": "99999999999"})
    assert answer.status_code == 413
    assert b"The portal takes at most" in answer.content


def test_a_wrong_digest_is_noticed(platform: Platform) -> None:
    form = typed(platform, kind="executable", artifact=patch(b"\x7fELF", "driver.bin"), sha256="0" * 64)
    answer = platform.client("member").post("/submit/", form)
    assert answer.status_code == 400
    assert re.search(r'id="id_sha256_error"><li>The file has the SHA-256', answer.content.decode())


def test_the_form_begins_with_what_the_address_says(platform: Platform) -> None:
    page = platform.client("member").get("/submit/?component=swiftclient&kind=experience").content.decode()
    assert '<option value="swiftclient" selected>' in page
    assert re.search(r'value="experience" required checked', page)


def test_a_new_revision_is_sent_by_the_author(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/revise/"
    answer = platform.client("author").post(url, {"patch": patch(), "note": "Rebased."})
    assert answer["Location"] == f"/contributions/{platform.contribution.pk}/"
    assert platform.contribution.revisions.first().note == "Rebased."
    page = platform.client("author").get(f"/contributions/{platform.contribution.pk}/").content.decode()
    assert "v2 waits to be received." in page
    assert "Rebased." in page


def test_a_refused_revision_tells_why_and_what_to_do(platform: Platform) -> None:
    factories.make_revision(platform.unreceived, state="refused", sentence="Line 12: no <patch>.")
    page = platform.client("author").get(f"/contributions/{platform.unreceived.pk}/").content.decode()
    assert "Line 12: no &lt;patch&gt;." in page
    assert f"/contributions/{platform.unreceived.pk}/revise/" in page
