"""From a patch to a publication, step by step, on real git, the real sandbox and the real database."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.reviewing import review
from contributions.actions.sources import ArtifactFile, GitRef, Note, PatchFile
from contributions.actions.submitting import revise, submit
from contributions.actions.withdrawing import withdraw, withdraw_publication
from contributions.errors import Invalid, NotAllowed
from contributions.models import Build, Component, Contribution, Event, Fit, Person, Publication, Recipe, Revision
from contributions.pipeline.building import build, queue_build
from contributions.pipeline.fetching import fetch
from contributions.pipeline.fitting import fit
from contributions.pipeline.publishing import forgotten, publish
from contributions.pipeline.receiving import receive
from contributions.sandbox import make_toolchain
from tests.factories import make_build, make_component, make_person, make_release
from tests.platform import SHOUT, SONG, SONG_MENDED, Upstream, states_by_release

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


def upload(content: bytes, name: str = "0001-mend.patch") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def share(author: Person, component: Component, source: Any, release: str = "1.0", **given: Any) -> Contribution:
    given = {"kind": "refinement", "title": "Count to fifteen in words"} | given
    stated = component.releases.get(name=release) if release else None
    return submit(author=author, component=component, release=stated, source=source, **given)


def received(contribution: Contribution) -> Contribution:
    receive(contribution.revisions.get(number=contribution.revisions.count()).pk)
    contribution.refresh_from_db()
    return contribution


def judged(contribution: Contribution) -> Contribution:
    for row in Fit.objects.filter(revision=contribution.current, state="queued"):
        fit(row.pk)
    contribution.refresh_from_db()
    return contribution


def built(contribution: Contribution) -> list[Build]:
    for row in Build.objects.filter(revision=contribution.current, state="queued"):
        build(row.pk)
    return list(Build.objects.filter(revision=contribution.current).select_related("release").order_by("release__name"))


@pytest.fixture
def mending(author: Person, component: Component, upstream: Upstream) -> Contribution:
    mail = upstream.patch("1.0", "Count to fifteen in words", song__txt=SONG_MENDED)
    return share(author, component, PatchFile(upload(mail)), description="Romans and *words*.")


def test_releases_are_found_upstream_and_keep_their_order(component: Component) -> None:
    assert list(component.releases.order_by("position").values_list("name", flat=True)) == ["1.0", "2.0", "3.0", "4.0"]


def test_a_patch_is_received_as_commits_on_its_release(mending: Contribution) -> None:
    assert mending.current is None
    received(mending)
    revision = mending.current
    assert revision is not None
    assert revision.base_commit == mending.release.commit
    assert [commit["subject"] for commit in revision.commits] == ["Count to fifteen in words"]
    assert [(file["path"], file["added"], file["removed"]) for file in revision.files] == [("song.txt", 1, 1)]
    assert revision.fingerprint


def test_what_git_am_makes_of_the_stored_mbox_is_the_received_tree(
    mending: Contribution, upstream: Upstream, tmp_path: Path
) -> None:
    received(mending)
    mbox = tmp_path / "patch.mbox"
    mbox.write_bytes(mending.current.mbox.read())
    upstream.git("checkout", "-q", "--detach", "1.0")
    upstream.git("am", "-q", str(mbox))
    assert (upstream.path / "song.txt").read_text() == SONG_MENDED


def test_every_supported_release_gets_its_own_true_answer(mending: Contribution) -> None:
    judged(received(mending))
    assert states_by_release(mending) == {"1.0": "applies", "2.0": "applies", "3.0": "upstream", "4.0": "upstream"}
    assert (mending.fit_count, mending.upstream_count, mending.release_count) == (2, 2, 4)


@pytest.mark.attack("P17")
def test_a_change_to_lines_that_upstream_rewrote_conflicts(
    author: Person, component: Component, upstream: Upstream
) -> None:
    mail = upstream.patch("1.0", "Sing louder", song__txt=SONG_MENDED.replace("fifteen", "FIFTEEN"))
    contribution = judged(received(share(author, component, PatchFile(upload(mail)))))
    assert states_by_release(contribution) == {
        "1.0": "applies",
        "2.0": "applies",
        "3.0": "conflicts",
        "4.0": "conflicts",
    }
    assert Fit.objects.get(revision=contribution.current, release__name="4.0").conflicts == ["song.txt"]


def test_a_patch_without_a_recipe_is_judged_and_not_built(mending: Contribution) -> None:
    judged(received(mending))
    assert not Build.objects.exists()


@pytest.mark.usefixtures("recipe")
def test_an_approved_patch_is_built_and_published_on_each_release_that_it_fits(mending: Contribution) -> None:
    maintainer = make_person()
    mending.component.maintainers.add(maintainer)
    first, second = built(judged(received(mending)))
    assert [first.state, second.state] == ["passed", "passed"], first.read_log().decode()
    assert [artifact.name for artifact in first.artifacts.all()] == [f"dist/song-1.0+patchbay.{first.pk}.txt"]
    assert first.artifacts.get().blob.read().decode() == SONG_MENDED
    assert not Publication.objects.exists()
    review(reviewer=maintainer, contribution=mending, verdict="approve", revision=1)
    publish(mending.pk)
    publish(mending.pk)
    assert [publication.release.name for publication in Publication.objects.order_by("release__name")] == ["1.0", "2.0"]
    assert Event.objects.filter(verb=Event.Verb.PUBLISHED).count() == 2


@pytest.mark.usefixtures("recipe")
def test_a_build_that_passes_after_the_approval_is_published_too(mending: Contribution) -> None:
    maintainer = make_person()
    mending.component.maintainers.add(maintainer)
    judged(received(mending))
    review(reviewer=maintainer, contribution=mending, verdict="approve")
    assert forgotten(10) == []
    built(mending)
    assert Publication.objects.count() == 2


@pytest.mark.usefixtures("recipe")
def test_an_approval_whose_doorbell_was_lost_is_found_by_the_sweep(mending: Contribution) -> None:
    maintainer = make_person()
    mending.component.maintainers.add(maintainer)
    built(judged(received(mending)))
    review(reviewer=maintainer, contribution=mending, verdict="approve")
    assert forgotten(10) == [mending.pk]
    publish(mending.pk)
    assert forgotten(10) == []


@pytest.mark.usefixtures("recipe")
def test_the_log_of_a_build_ends_as_one_file_with_what_it_said(mending: Contribution, recipe: Recipe) -> None:
    recipe.build = "echo one; echo two >&2; mkdir dist; echo x > dist/x.txt"
    recipe.save()
    first, _ = built(judged(received(mending)))
    log = first.read_log().decode()
    assert log.index("one") < log.index("two")
    assert not first.log_pieces.exists()
    assert first.read_log(offset=len(log) + 5) == b""


def test_a_red_build_tells_the_step_and_asks_what_the_bare_release_does(mending: Contribution, recipe: Recipe) -> None:
    recipe.test = "! grep -q fifteen song.txt"
    recipe.save()
    red, _ = built(judged(received(mending)))
    assert (red.state, red.failed_step) == ("failed", "test")
    bare = Build.objects.bare().get(release__name="1.0")
    build(bare.pk)
    bare.refresh_from_db()
    assert bare.state == "passed", bare.read_log().decode()
    standing = mending.standings.get(release__name="1.0")
    assert standing.parts["against_builds"] == 1


@pytest.mark.attack("F18")
def test_a_build_that_never_ends_is_timed_out_with_its_limit_named(mending: Contribution, recipe: Recipe) -> None:
    recipe.wall_seconds = 1
    recipe.build = "sleep 60"
    recipe.save()
    row, _ = built(judged(received(mending)))
    assert row.state == "timed-out"
    assert "1" in row.limit


def test_a_build_that_says_nothing_meets_its_recipes_idle_limit(mending: Contribution, recipe: Recipe) -> None:
    Recipe.objects.filter(pk=recipe.pk).update(build="sleep 60", idle_seconds=1)
    first, _ = built(judged(received(mending)))
    assert first.state == Build.State.TIMED_OUT
    assert first.limit == "limit of 1 seconds without output"


def test_a_build_that_writes_too_much_is_ended_and_its_log_kept_short(
    mending: Contribution, recipe: Recipe, settings: Any
) -> None:
    settings.LONGEST_LOG_MEGABYTES, settings.MAX_LOG_BYTES = 1, 4096
    Recipe.objects.filter(pk=recipe.pk).update(build="yes | head -c 900K; echo enough; yes")
    first, _ = built(judged(received(mending)))
    assert (first.state, first.limit) == ("failed", "log limit of 1 MB")
    assert first.log
    assert 4096 < first.log.size < 5000


def test_what_confined_a_build_and_what_it_ran_with_is_on_record(
    mending: Contribution, recipe: Recipe, settings: Any, tmp_path: Path
) -> None:
    settings.TOOLCHAINS_DIR, settings.PREPARED_DIR = tmp_path / "toolchains", tmp_path / "prepared"
    digest = make_toolchain(settings.TOOLCHAINS_DIR / "tools", [])
    Recipe.objects.filter(pk=recipe.pk).update(prepare="echo kept > /prepared/file", toolchain="tools")
    first, other = built(judged(received(mending)))
    assert (first.executor, first.toolchain_digest) == ("bubblewrap", digest)
    assert first.sandbox["limits"]["wall_seconds"] == recipe.wall_seconds
    assert first.sandbox["network"] is False
    assert first.sandbox["user"] not in {0, None}
    assert len(first.prepared_digest) == 64
    assert first.prepared_digest == other.prepared_digest, "the same file was prepared for both releases"


def test_a_toolchain_that_was_changed_builds_nothing(
    mending: Contribution, recipe: Recipe, settings: Any, tmp_path: Path
) -> None:
    settings.TOOLCHAINS_DIR = tmp_path / "toolchains"
    make_toolchain(settings.TOOLCHAINS_DIR / "spoilt", [])
    (settings.TOOLCHAINS_DIR / "spoilt" / "lib" / "extra.py").write_text("surprise = True\n")
    Recipe.objects.filter(pk=recipe.pk).update(toolchain="spoilt")
    first, _ = built(judged(received(mending)))
    assert first.state == "queued"
    assert first.sentence.startswith("The toolchain spoilt is not as it was prepared")


def test_a_recipe_without_its_toolchain_is_our_trouble_not_the_patchs(mending: Contribution, recipe: Recipe) -> None:
    recipe.toolchain = "missing"
    recipe.save()
    row, _ = built(judged(received(mending)))
    assert row.state == "queued"
    assert "add_toolchain" in row.sentence


def test_prepare_sees_upstream_code_only_and_runs_once_a_release(mending: Contribution, recipe: Recipe) -> None:
    recipe.prepare = "cp song.txt /prepared/upstream.txt; date +%s%N > /prepared/stamp"
    recipe.build = "mkdir dist; cp /prepared/upstream.txt dist/upstream.txt; cp /prepared/stamp dist/stamp.txt"
    recipe.save()
    first, _ = built(judged(received(mending)))
    assert first.state == "passed", first.read_log().decode()
    made = {artifact.name: artifact.blob.read() for artifact in first.artifacts.all()}
    assert b"fifteen" not in made["dist/upstream.txt"]
    again = Build.objects.create(
        revision=first.revision,
        release=first.release,
        serial=2,
        commit=first.commit,
        recipe=first.recipe,
        recipe_digest=first.recipe_digest,
    )
    build(again.pk)
    assert again.artifacts.get(name="dist/stamp.txt").blob.read() == made["dist/stamp.txt"]


@pytest.mark.parametrize(
    ("change", "prepared_again"),
    [
        ({"build": "cp /prepared/stamp stamp; true"}, False),
        ({"wall_seconds": 61}, False),
        ({"prepare": "date +%s%N > /prepared/stamp; true"}, True),
        ({"environment": {"VERSION": "{release}+other.{build}"}}, True),
    ],
)
def test_prepare_runs_again_when_what_decides_it_changed(
    mending: Contribution,
    recipe: Recipe,
    change: dict[str, Any],
    prepared_again: bool,  # noqa: FBT001 - a table
) -> None:
    given = {"prepare": "date +%s%N > /prepared/stamp", "build": "cp /prepared/stamp stamp", "test": ""}
    Recipe.objects.filter(pk=recipe.pk).update(**given, artifact_patterns=["stamp"])
    first, _ = built(judged(received(mending)))
    assert first.state == "passed", first.read_log().decode()
    Recipe.objects.filter(pk=recipe.pk).update(**change)
    again = queue_build(Fit.objects.get(revision=first.revision, release=first.release))
    assert again
    build(again.pk)
    again.refresh_from_db()
    assert (again.prepared_digest != first.prepared_digest) == prepared_again
    assert (again.artifacts.get().sha256 != first.artifacts.get().sha256) == prepared_again


def test_what_prepare_reached_stands_in_the_builds_log(mending: Contribution, recipe: Recipe, settings: Any) -> None:
    settings.PREPARE_HOSTS = ["files.example.org"]
    get = "import urllib.request as u\ntry: u.urlopen('http://other.example.org/')\nexcept Exception as e: print(e)"
    Recipe.objects.filter(pk=recipe.pk).update(prepare=f'python3 -c "{get}"; sleep 0.2')
    first, _ = built(judged(received(mending)))
    log = first.read_log().decode()
    assert first.state == "passed", log
    assert log.startswith("==> prepare\nHTTP Error 403: Forbidden\n")
    refusal = "it is none of the hosts that PATCHBAY_PREPARE_HOSTS names."
    assert f"network: other.example.org:80 was refused: {refusal}\n" in log


def test_a_prepare_step_that_fails_is_our_trouble_and_leaves_nothing(
    mending: Contribution, recipe: Recipe, settings: Any
) -> None:
    Recipe.objects.filter(pk=recipe.pk).update(prepare="echo half > /prepared/file; exit 3")
    first, _ = built(judged(received(mending)))
    assert first.state == "queued"
    assert first.sentence == "The prepare step did not pass on the bare release: Step “prepare” ended with exit code 3."
    assert not [path for path in settings.PREPARED_DIR.iterdir() if path.is_dir()]


def test_a_patched_build_starts_from_the_release_it_was_made_on(
    mending: Contribution, recipe: Recipe, settings: Any
) -> None:
    """Even when the release has moved on since."""
    assert recipe
    judged(received(mending))
    release = mending.component.releases.get(name="1.0")
    row = Build.objects.get(revision=mending.current, release=release)
    made_on, release.commit = release.commit, mending.component.releases.get(name="4.0").commit
    release.save()
    build(row.pk)
    row.refresh_from_db()
    assert row.state == "passed", row.read_log().decode()
    assert row.artifacts.get().blob.read().decode() == SONG_MENDED
    assert [path.name for path in settings.RELEASES_DIR.iterdir() if path.is_dir()] == [made_on]


def test_a_branch_of_a_git_server_is_pulled_and_becomes_commits(
    author: Person, component: Component, upstream: Upstream
) -> None:
    upstream.git("checkout", "-q", "-b", "mend", "1.0")
    upstream.commit("Mend the song", song__txt=SONG_MENDED)
    upstream.commit("Shout the greeting", greeting__py=SHOUT)
    upstream.git("checkout", "-q", "main")
    contribution = received(share(author, component, GitRef(f"file://{upstream.path}", "mend")))
    assert contribution.current, contribution.revisions.get().sentence
    assert [commit["subject"] for commit in contribution.current.commits] == ["Mend the song", "Shout the greeting"]
    assert contribution.current.base_commit == contribution.release.commit


def test_a_ref_that_is_not_there_is_refused_with_its_name(
    author: Person, component: Component, upstream: Upstream
) -> None:
    contribution = received(share(author, component, GitRef(f"file://{upstream.path}", "no-such-branch")))
    revision = contribution.revisions.get()
    assert revision.state == Revision.State.REFUSED
    assert "no-such-branch" in revision.sentence


def test_a_bundle_is_taken_as_git(author: Person, component: Component, upstream: Upstream, tmp_path: Path) -> None:
    upstream.git("checkout", "-q", "-b", "bundled", "2.0")
    upstream.commit("Mend the song", song__txt=SONG_MENDED)
    bundle = tmp_path / "work.bundle"
    upstream.git("bundle", "create", str(bundle), "2.0..bundled")
    contribution = received(share(author, component, PatchFile(upload(bundle.read_bytes(), "work.bundle")), "2.0"))
    revision = contribution.revisions.get()
    assert (revision.source, revision.state) == ("bundle", "received"), revision.sentence
    assert [commit["subject"] for commit in revision.commits] == ["Mend the song"]


def test_what_is_no_patch_is_refused_and_stays_unseen_by_others(author: Person, component: Component) -> None:
    contribution = received(share(author, component, PatchFile(upload(b"\x00\x01 no patch at all\n"))))
    revision = contribution.revisions.get()
    assert revision.state == Revision.State.REFUSED
    assert revision.sentence
    assert contribution in Contribution.objects.visible_to(author)
    assert contribution not in Contribution.objects.visible_to(make_person())


def test_a_patch_for_another_release_than_stated_is_taken_with_a_warning(
    author: Person, component: Component, upstream: Upstream
) -> None:
    mail = upstream.patch("2.0", "Relicense", licence__txt="Do what you must.\n")
    contribution = received(share(author, component, PatchFile(upload(mail)), release="1.0"))
    assert contribution.current, contribution.revisions.get().sentence
    assert "1.0" in contribution.current.warnings[0]
    assert contribution.current.base_commit != contribution.release.commit


def test_a_new_revision_is_asked_about_again(mending: Contribution, author: Person, upstream: Upstream) -> None:
    maintainer = make_person()
    mending.component.maintainers.add(maintainer)
    make_build(received(mending).current, mending.release)
    review(reviewer=maintainer, contribution=mending, verdict="approve")
    assert mending.refresh_from_db() is None
    assert mending.state == "approved"
    louder = upstream.patch("1.0", "Louder", song__txt=SONG_MENDED.replace("fifteen", "FIFTEEN"))
    second = revise(author=author, contribution=mending, source=PatchFile(upload(louder)), note="Louder.")
    assert second.number == 2
    mending.refresh_from_db()
    assert mending.state == "approved", "until the new bytes are received, the old ones stand"
    received(mending)
    assert (mending.state, mending.current.number) == ("open", 2)


def test_a_refused_revision_leaves_the_one_before_in_place(mending: Contribution, author: Person) -> None:
    received(mending)
    revise(author=author, contribution=mending, source=PatchFile(upload(b"nonsense")))
    received(mending)
    assert mending.current.number == 1
    assert mending.revisions.get(number=2).state == Revision.State.REFUSED


def test_only_its_author_revises(mending: Contribution) -> None:
    with pytest.raises(NotAllowed):
        revise(author=make_person(), contribution=mending, source=PatchFile(upload(b"x")))


def test_an_executable_is_kept_as_sent_and_published_as_not_built_here(author: Person, component: Component) -> None:
    maintainers = [make_person(), make_person()]
    component.maintainers.set(maintainers)
    source = ArtifactFile(upload(b"\x7fELF bytes", "../tools/song-player"))
    contribution = received(share(author, component, source, "2.0", kind="executable", title="A player"))
    artifact = contribution.current.artifacts.get()
    assert (artifact.name, artifact.is_built_here) == ("song-player", False)
    for maintainer in maintainers:
        assert forgotten(10) == []
        review(reviewer=maintainer, contribution=contribution, verdict="approve")
    assert forgotten(10) == [contribution.pk]
    publish(contribution.pk)
    assert forgotten(10) == []
    publication = Publication.objects.get()
    assert (publication.build, publication.artifacts) == (None, [artifact])


def test_an_executable_with_another_digest_than_told_is_refused(author: Person, component: Component) -> None:
    with pytest.raises(Invalid, match="SHA-256"):
        share(author, component, ArtifactFile(upload(b"bytes", "x"), sha256="0" * 64), kind="executable")
    assert not Contribution.objects.exists()


def test_an_experience_is_its_words(author: Person, component: Component) -> None:
    words = "Rebalance **before** you upgrade."
    contribution = share(
        author, component, Note(words), release="", kind="experience", title="Upgrading", description=words
    )
    received(contribution)
    assert contribution.current
    assert "<strong>before</strong>" in contribution.description_html


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("refinement", Note("words")),
        ("improvement", ArtifactFile(upload(b"x"))),
        ("executable", PatchFile(upload(b"x"))),
        ("experience", PatchFile(upload(b"x"))),
        ("nonsense", Note("words")),
    ],
)
def test_each_kind_has_its_own_sources(author: Person, component: Component, kind: str, source: Any) -> None:
    with pytest.raises(Invalid):
        share(author, component, source, kind=kind)
    assert not Contribution.objects.exists()


def test_a_release_of_another_component_is_refused(author: Person, component: Component) -> None:
    elsewhere = make_release(make_component())
    with pytest.raises(Invalid, match="not a release of"):
        submit(
            author=author,
            component=component,
            kind="refinement",
            title="Mend",
            release=elsewhere,
            source=PatchFile(upload(b"x")),
        )


def test_withdrawing_takes_every_publication_out_of_the_feed(mending: Contribution, recipe: Recipe) -> None:
    assert recipe
    maintainer = make_person()
    mending.component.maintainers.add(maintainer)
    built(judged(received(mending)))
    review(reviewer=maintainer, contribution=mending, verdict="approve")
    publish(mending.pk)
    first = Publication.objects.first()
    with pytest.raises(NotAllowed):
        withdraw_publication(person=make_person(), publication=first, reason="I do not like it.")
    with pytest.raises(Invalid):
        withdraw_publication(person=maintainer, publication=first, reason="  ")
    withdraw_publication(person=maintainer, publication=first, reason="It sings off key.")
    assert Publication.objects.live().count() == 1
    withdraw(person=mending.author, contribution=mending, reason="It is wrong.")
    assert Publication.objects.live().count() == 0
    assert Event.objects.of_the_feed().filter(verb=Event.Verb.UNPUBLISHED).count() == 2
    publish(mending.pk)
    assert Publication.objects.live().count() == 0


def test_a_branch_that_moved_is_judged_again(mending: Contribution, upstream: Upstream) -> None:
    component = mending.component
    component.release_pattern = r"\d+\.\d+|main"
    component.save()
    judged(received(mending))
    pull(component)
    judged(mending)
    assert states_by_release(mending)["main"] == "upstream"
    mended = upstream.git("rev-parse", "3.0^{commit}")
    upstream.commit(f"Go back to digits\n\nThis reverts commit {mended}.", song__txt=SONG)
    pull(component)
    judged(mending)
    assert states_by_release(mending)["main"] == "applies"


def pull(component: Component) -> None:
    row = component.fetches.create()
    fetch(row.pk)
    row.refresh_from_db()
    assert row.state == "done", row.sentence


def test_a_mirror_that_vanished_is_made_again(mending: Contribution, settings: Any, recipe: Recipe) -> None:
    assert recipe
    received(mending)
    subprocess.run(["rm", "-rf", str(settings.MIRRORS_DIR)], check=True)
    assert built(judged(mending))[0].state == "passed"


def test_an_unreachable_upstream_is_tried_again(component: Component, upstream: Upstream) -> None:
    upstream.path.rename(upstream.path.with_name("gone"))
    row = component.fetches.create()
    fetch(row.pk)
    row.refresh_from_db()
    assert row.state in {"queued", "refused"}
    assert row.sentence
