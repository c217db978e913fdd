"""What comes out of a stack, taken by real git, quilt's own patch, and openssl-free eyes: always the same bytes."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from contributions.actions.withdrawing import withdraw
from contributions.locks import canonical, read_lock
from contributions.models import Attestation, Build, Contribution, Lock
from contributions.pipeline.attesting import sign
from contributions.signing.keys import KeyStore
from tests import factories
from tests.api.conftest import make_token
from tests.platform import GIT_IDENTITY, SHOUT, SONG, SONG_MENDED
from tests.stacks.test_assembling import carried, laid, worked_off

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.live_server_helper import LiveServer

    from contributions.models import Assembly, Person, Recipe
    from tests.platform import Upstream
    from tests.stacks.conftest import Share

pytestmark = pytest.mark.django_db(transaction=True)


def git(place: Path, *words: str, given: bytes = b"", code: int = 0) -> str:
    env = GIT_IDENTITY | {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false"}
    ended = subprocess.run(["git", *words], cwd=place, env=env, input=given, capture_output=True, check=False)
    assert (ended.returncode == 0) is (code == 0), ended.stderr.decode()
    return (ended.stdout if code == 0 else ended.stderr).decode().strip()


@pytest.fixture
def stacked(author: Person, share: Share) -> Assembly:
    """Two patches of which the second has two words in its name and a file that is not text."""
    one = share("Sing of fifteen", song__txt=SONG_MENDED)
    two = share("Shout “loudly”", greeting__py=SHOUT)
    return laid(carried(author, one, two))


@pytest.fixture
def clone(upstream: Upstream, tmp_path: Path) -> Path:
    place = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(upstream.path), str(place))
    return place


def only_lock(assembly: Assembly) -> Lock:
    return Lock.objects.with_files().get(assembly=assembly)


def read(lock: Lock) -> dict[str, Any]:
    return read_lock(lock.content.read())


def member(lock: Lock) -> Client:
    client = Client()
    client.force_login(lock.stack.author)
    return client


def keeps(client: Client, path: str) -> str:
    """Who may keep the answer."""
    with contextlib.closing(client.get(path)) as answer:
        return str(answer.headers["Cache-Control"]).partition(",")[0]


def status(client: Client, path: str) -> int:
    """The answer's, once it is read to its end."""
    with contextlib.closing(client.get(path)) as answer:
        return int(answer.status_code)


def test_a_lock_names_all_that_was_laid_and_is_of_the_form(stacked: Assembly) -> None:
    lock = only_lock(stacked)
    told = read(lock)
    assert lock.content.read() == canonical(told)
    assert (told["base_commit"], told["result"]) == (
        stacked.release_commit, {"commit": stacked.commit, "tree": stacked.tree},
    )  # fmt: skip
    shown = [(one["contribution"], one["patch"]["sha256"], one["commits"]) for one in told["entries"]]
    revisions = Contribution.objects.in_bulk()
    assert shown == [
        (one["contribution"], revisions[one["contribution"]].current.mbox_id, [one["commit"]]) for one in stacked.order
    ]
    assert told["build"] is None
    assert told["files"]["mbox"]["sha256"] == lock.mbox_id


def test_the_mailbox_makes_exactly_the_tree_of_the_lock(stacked: Assembly, clone: Path) -> None:
    lock = only_lock(stacked)
    git(clone, "checkout", "-q", stacked.release_commit)
    git(clone, "am", "-q", given=lock.files["stack.mbox"].read())
    assert git(clone, "rev-parse", "HEAD^{tree}") == stacked.tree
    assert git(clone, "log", "--format=%an|%s", "-1") == "Upstream|Shout “loudly”"


def test_the_bundle_brings_the_very_commit(stacked: Assembly, clone: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "stack.bundle"
    bundle.write_bytes(only_lock(stacked).files["stack.bundle"].read())
    git(clone, "fetch", "-q", str(bundle), "refs/heads/patch")
    assert git(clone, "rev-parse", "FETCH_HEAD") == stacked.commit


def test_the_series_is_taken_by_patch_and_by_git(stacked: Assembly, clone: Path, tmp_path: Path) -> None:
    packed = only_lock(stacked).files["quilt.tar.gz"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "series")  # noqa: S202 - our own; Python 3.11.2 knows no filters
    patches = tmp_path / "series" / "patches"
    names = [line.removesuffix(" -p1") for line in (patches / "series").read_text().splitlines()]
    numbers = [entry["contribution"] for entry in stacked.order]
    assert names == [
        f"0001-{numbers[0]}-v1-sing-of-fifteen.patch", f"0002-{numbers[1]}-v1-shout-loudly.patch",
    ]  # fmt: skip
    told = (patches / names[0]).read_text()
    assert f"Origin: other, http://127.0.0.1:8000/contributions/{numbers[0]}/v1.patch\n" in told
    assert "Upstream-Status: Pending\n" in told
    git(clone, "checkout", "-q", stacked.release_commit)
    for name in names:
        subprocess.run(["patch", "-p1", "-s", "-i", patches / name], cwd=clone, check=True)  # as quilt push does
    git(clone, "add", "-A")
    assert git(clone, "write-tree") == stacked.tree
    git(clone, "reset", "-q", "--hard")
    git(clone, "am", "-q", *(str(patches / name) for name in names))
    assert git(clone, "rev-parse", "HEAD^{tree}") == stacked.tree


def test_the_same_stack_gives_the_same_bytes(stacked: Assembly) -> None:
    first = only_lock(stacked)
    files = {name: blob.read() for name, blob in first.files.items()}
    pack = (first.pack_name, first.pack_id, first.pack_index_id)
    Lock.objects.all().delete()
    type(stacked).objects.filter(pk=stacked.pk).update(state="queued", attempts=0)
    from contributions.pipeline.assembling import assemble  # noqa: PLC0415 - once more

    assemble(stacked.pk)
    again = only_lock(stacked)
    assert {name: blob.read() for name, blob in again.files.items()} == files
    assert (again.pack_name, again.pack_id, again.pack_index_id) == pack


def test_a_stack_that_the_release_has_whole_gives_a_lock_alone(author: Person, share: Share) -> None:
    taken = share("Count to fifteen in words", song__txt=SONG_MENDED)
    row = laid(carried(author, taken, release="3.0"))
    lock = only_lock(row)
    assert [entry["state"] for entry in read(lock)["entries"]] == ["upstream"]
    assert list(lock.files) == ["patchbay.lock.json"]
    assert lock.branch_path == ""
    assert member(lock).get(lock.get_absolute_url()).status_code == 200
    api = f"/api/v1/stacks/{lock.stack_id}"
    assert member(lock).get(f"{api}/locks/{lock.number}/quilt.tar.gz").status_code == 404
    assert member(lock).get(f"{api}/assemblies/{row.number}/stack.mbox").status_code == 404


def test_conflicts_give_no_lock(author: Person, share: Share) -> None:
    one = share("Sing of fifteen", song__txt=SONG_MENDED)
    two = share("Sing of XV", song__txt=SONG.replace("verse 15\n", "verse XV\n"))
    row = laid(carried(author, one, two))
    assert (row.state, Lock.objects.count()) == ("conflicts", 0)


@pytest.fixture
def published(stacked: Assembly) -> Lock:
    type(stacked.stack).objects.update(is_public=True)
    return only_lock(stacked)


def test_git_fetches_the_branch_over_http(published: Lock, clone: Path, live_server: LiveServer) -> None:
    git(clone, "fetch", "-q", f"{live_server.url}{published.branch_path}", "stack")
    assert git(clone, "rev-parse", "FETCH_HEAD") == published.assembly.commit
    assert git(clone, "rev-parse", "FETCH_HEAD^{tree}") == published.assembly.tree
    git(clone, "fsck", "--strict")


def test_without_the_base_git_says_what_is_missing(published: Lock, tmp_path: Path, live_server: LiveServer) -> None:
    git(tmp_path, "init", "-q", "empty")
    said = git(tmp_path / "empty", "fetch", f"{live_server.url}{published.branch_path}", "stack", code=1)
    assert "Unable to find" in said
    assert "fetch failed" in said


def test_a_private_branch_is_fetched_with_a_token_alone(
    stacked: Assembly, clone: Path, live_server: LiveServer
) -> None:
    lock = only_lock(stacked)
    path = live_server.url.removeprefix("http://") + lock.branch_path
    token = make_token(stacked.stack.author, "read")
    stranger = make_token(factories.make_person(), "read")
    writer = make_token(stacked.stack.author, "write")
    assert "Authentication failed" in git(clone, "fetch", f"http://x:pb_wrong@{path}", "stack", code=1)
    for wrong in (f"http://{path}", f"http://x:{stranger}@{path}", f"http://x:{writer}@{path}"):
        git(clone, "fetch", wrong, "stack", code=1)
    git(clone, "fetch", "-q", f"http://anybody:{token}@{path}", "stack")
    assert git(clone, "rev-parse", "FETCH_HEAD") == stacked.commit


def test_who_asks_for_a_branch_learns_not_whether_it_is_there(stacked: Assembly) -> None:
    lock = only_lock(stacked)
    there = Client().get(f"{lock.branch_path}/info/refs?service=git-upload-pack")
    nowhere = Client().get("/stacks/999999/1.git/info/refs?service=git-upload-pack")
    assert there.status_code == nowhere.status_code == 401
    assert there.content == nowhere.content
    assert there.headers["WWW-Authenticate"] == nowhere.headers["WWW-Authenticate"]
    told = base64.b64encode(f"x:{make_token(stacked.stack.author, 'read')}".encode()).decode()
    header = {"Authorization": f"Basic {told}"}
    assert Client().get(f"{lock.branch_path}/info/refs", headers=header).status_code == 200
    for path in ("config", "objects/00/11", "objects/info/alternates", "../../1/", "objects/pack/pack-x.pack"):
        assert Client().get(f"{lock.branch_path}/{path}", headers=header).status_code == 404


def test_what_is_private_is_its_peoples_at_every_address(stacked: Assembly) -> None:
    lock = only_lock(stacked)
    number, serial = lock.stack_id, lock.number
    api = f"/api/v1/stacks/{number}"
    paths = [
        f"/stacks/{number}/locks/", lock.get_absolute_url(), f"{api}/locks/", f"{api}/locks/{serial}/",
        f"{api}/assemblies/{stacked.number}/stack.mbox", f"/api/v1/stacks/check/?stack={number}",
        *(f"{lock.get_absolute_url()}{name}" for name in lock.files),
        *(f"{api}/locks/{serial}/{name}" for name in lock.files),
    ]  # fmt: skip
    other = Client()
    other.force_login(factories.make_person(organisation=factories.make_organisation()))
    for path in paths:
        assert Client().get(path).status_code == 404, path
        assert other.get(path).status_code == 404, path
        assert status(member(lock), path) == 200, path
    assert {keeps(member(lock), path) for path in paths[-2 * len(lock.files) :]} == {"private"}


def test_what_is_held_is_out_of_reach_with_all_that_holds_it(published: Lock) -> None:
    path = f"{published.get_absolute_url()}stack.mbox"
    api = f"/api/v1/stacks/{published.stack_id}"
    assert status(Client(), path) == 200
    assert keeps(Client(), f"{api}/locks/{published.number}/stack.mbox") == keeps(Client(), path) == "public"
    lists = [f"{api}/locks/", f"{api}/assemblies/"]
    assert all(Client().get(path).json()["results"] for path in lists)
    Contribution.objects.filter(pk=published.assembly.order[0]["contribution"]).update(quarantined_at=timezone.now())
    assert Client().get(path).status_code == 404
    assert Client().get(published.get_absolute_url()).status_code == 404
    assert Client().get(f"{published.branch_path}/info/refs").status_code == 401
    assert not any(Client().get(path).json()["results"] for path in lists)


def test_the_page_tells_what_became_of_it(published: Lock) -> None:
    assert "Nothing needs attention." in Client().get(published.get_absolute_url()).content.decode()
    taken = Contribution.objects.get(pk=published.assembly.order[0]["contribution"])
    withdraw(person=taken.author, contribution=taken, reason="It loses data.")
    shown = Client().get(published.get_absolute_url()).content.decode()
    assert "It was withdrawn: It loses data." in shown
    checked = Client().get(f"/api/v1/stacks/check/?stack={published.stack_id}").json()
    assert (checked["exit_code"], [row["state"] for row in checked["entries"]]) == (12, ["withdrawn", "ok"])


def test_a_signed_build_is_locked_once_with_its_files(
    recipe: Recipe, stacked: Assembly, settings: Any, tmp_path: Path
) -> None:
    del recipe
    settings.KEYS_DIR = tmp_path / "keys"
    KeyStore(settings.KEYS_DIR, {}).make("builds")
    worked_off()
    build = Build.objects.get(assembly=stacked, depth=stacked.height)
    if not build.artifacts.exists():
        factories.make_artifact(build, "dist/song.txt", b"la la")
        Attestation.objects.get_or_create(build=build)
    first = only_lock(stacked)
    sign(build.attestation.pk)
    second = Lock.objects.with_files().get(assembly=stacked, build=build)
    told = read(second)
    assert second.number == first.number + 1
    assert told["build"]["number"] == build.pk
    build.refresh_from_db()
    assert told["build"]["provenance"] == Attestation.objects.get(build=build).provenance_id
    assert [file["sha256"] for file in told["build"]["artifacts"]] == list(
        build.artifacts.values_list("blob", flat=True)
    )
    assert (second.mbox_id, second.pack_id) == (first.mbox_id, first.pack_id)
    assert json.loads(first.content.read())["build"] is None
    assert member(second).get(second.get_absolute_url()).status_code == 200
