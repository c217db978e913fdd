"""When the signer signs, what it signs anew, and that a client never sees half of a change."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.errors import Trouble
from contributions.models import Attestation, IndexFile, Release, SigningKey
from contributions.models.index import targets_of
from contributions.pipeline import indexing
from contributions.tasks import sign_index, sweep
from tests import factories
from tests.worker.conftest import Crew, database_url, wait_for

from .conftest import WHEEL, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import Blob, Publication

    from .conftest import Feed, Installer

SIGN = "import django; django.setup(); from contributions.tasks import sign_index; sign_index()"
FIRST = ["1.targets.json", "1.snapshot.json", "1.timestamp.json"]


def versions() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for role, version in IndexFile.objects.order_by("version").values_list("role", "version"):
        found.setdefault(role, []).append(version)
    return found


def test_nothing_new_is_nothing_to_sign(feed: Feed) -> None:
    assert feed.sign() == FIRST
    assert feed.sign() == []
    assert not indexing.is_due()


def test_only_the_release_that_changed_is_signed_anew(feed: Feed) -> None:
    first, second = feed.publish(), feed.publish()
    feed.sign()
    feed.publish(first.release)
    assert feed.sign() == [f"2.{first.release.slug}.json", "2.snapshot.json", "2.timestamp.json"]
    assert versions()[second.release.slug] == [1]


def test_what_was_held_back_and_given_back_between_two_signings_is_signed_anew(feed: Feed) -> None:
    """The file may have been written in between, when it was not there."""
    publication = feed.publish()
    feed.sign()
    publication.move("quarantined", reason="It may be malware.")
    feed.tell("held", publication)
    publication.move("live", reason="")
    feed.tell("freed", publication)
    assert feed.sign() == [f"2.{publication.release.slug}.json", "2.snapshot.json", "2.timestamp.json"]


def test_signing_asks_as_much_for_many_publications_as_for_few(feed: Feed) -> None:
    release = factories.make_release()
    costs = []
    for more in (2, 12):
        for _ in range(more):
            publication = feed.publish(release)
            swear(publication)
        with CaptureQueriesContext(connection) as captured:
            feed.sign()
        costs.append(len(captured))
        feed.sign()
    assert costs[1] <= costs[0]  # the first time makes keys and a root, too
    feed.publish(release)
    with CaptureQueriesContext(connection) as captured:
        feed.sign()
    assert len(captured) == costs[1]


def swear(publication: Publication) -> Blob:
    """As if the portal had signed provenance and bill of its build."""
    blob, key = factories.make_blob(b"{}"), SigningKey.objects.filter(role="builds").first()
    key = key or SigningKey.objects.create(role="builds", keyid="0" * 64)
    Attestation.objects.create(build=publication.build, state="signed", provenance=blob, bill=blob, key=key)
    return blob


def test_a_change_is_due_until_it_is_signed(feed: Feed) -> None:
    assert indexing.is_due()
    feed.sign()
    publication = feed.publish()
    assert indexing.is_due()
    feed.sign()
    assert not indexing.is_due()
    feed.withdraw(publication)
    assert indexing.is_due()
    feed.sign()
    feed.tell("advised", publication)  # an entry of the feed that changes no target
    assert indexing.is_due()
    assert feed.sign() == []
    assert not indexing.is_due()


@pytest.mark.parametrize(
    ("role", "signed"),
    [
        ("timestamp", ["2.timestamp.json"]),
        ("snapshot", ["2.snapshot.json", "2.timestamp.json"]),
        ("targets", ["2.targets.json", "2.snapshot.json", "2.timestamp.json"]),
        ("root", ["2.root.json"]),
    ],
)
def test_what_wears_out_is_signed_again(feed: Feed, role: str, signed: list[str]) -> None:
    feed.sign()
    before = set(IndexFile.objects.values_list("pk", flat=True))
    feed.expire(role)
    assert indexing.is_due() is (role == "timestamp")  # the others are looked at with the next timestamp
    feed.sign()
    assert [str(file) for file in IndexFile.objects.exclude(pk__in=before).order_by("pk")] == signed
    assert all(file.expires_at > timezone.now() for file in IndexFile.objects.newest_of_each())


def test_a_timestamp_is_signed_every_hour_of_its_day(feed: Feed) -> None:
    feed.sign()
    end = timezone.now() + timedelta(hours=24)
    for minutes, due in ((59, False), (61, True)):
        IndexFile.objects.filter(role="timestamp").update(expires_at=end - timedelta(minutes=minutes))
        assert indexing.is_due() is due


def test_what_the_portal_swears_about_a_build_is_told_when_it_is_sworn(feed: Feed) -> None:
    publication = feed.publish()
    feed.sign()
    assert about(feed, f"1.{publication.release.slug}.json", path_of(publication))["provenance"] is None
    blob = swear(publication)
    assert f"2.{publication.release.slug}.json" in feed.sign()
    told = about(feed, f"2.{publication.release.slug}.json", path_of(publication))
    place = f"{django_settings.SITE_URL}/builds/{publication.build_id}"
    assert told["provenance"] == {"url": f"{place}/provenance.json", "sha256": blob.sha256}
    assert told["bill"] == {"url": f"{place}/bom.json", "sha256": blob.sha256}


def about(feed: Feed, name: str, path: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(feed.file(name))["signed"]["targets"][path]["custom"]
    return told


def test_a_target_tells_where_it_comes_from(feed: Feed, settings: Any) -> None:
    settings.SITE_URL = "https://patches.example"
    publication = feed.publish()
    feed.sign()
    told = about(feed, f"1.{publication.release.slug}.json", path_of(publication))
    assert told["page"] == f"https://patches.example/publications/{publication.pk}/"
    assert told["uploaded"] is False
    assert (told["contribution"], told["revision"]) == (publication.revision.contribution_id, 1)
    assert (told["publication"], told["build"], told["kind"]) == (publication.pk, publication.build_id, "refinement")


def test_files_of_one_name_and_odd_names_have_paths_of_their_own(feed: Feed) -> None:
    publication = feed.publish(content=b"1", name="a/tool")
    for name, content in (("b/tool", b"2"), ("c/tool", b"2"), ("../od d?#%41.txt", b"3"), (".hidden", b"4")):
        factories.make_artifact(publication.build, name, content)
    found = {path.rpartition("/")[2]: artifact.sha256 for path, artifact in targets_of(publication).items()}
    digests = {blob.sha256 for blob in map(factories.make_blob, (b"1", b"2", b"3", b"4"))}
    assert set(found.values()) == digests
    assert {"od-d-41.txt", "hidden"} <= set(found)
    assert {name for name in found if name.endswith("tool")} == {
        f"{factories.make_blob(content).sha256[:12]}-tool" for content in (b"1", b"2")
    }


def test_a_release_of_a_branch_with_slashes_is_served(feed: Feed, installer: Installer) -> None:
    publication = feed.publish(factories.make_release(name="stable/2026.1"))
    feed.sign()
    assert "/stable-2026.1/" in path_of(publication)
    assert installer.install(path_of(publication)) == WHEEL


def test_an_uploaded_executable_is_served_and_said_to_be_uploaded(feed: Feed, installer: Installer) -> None:
    contribution = factories.make_contribution(kind="executable", release=factories.make_release())
    factories.make_artifact(name="tool.bin", content=b"tool", revision=contribution.current)
    publication = factories.make_publication_of_upload(contribution)
    feed.tell("published", publication)
    feed.sign()
    assert installer.install(path_of(publication)) == b"tool"
    assert about(feed, f"1.{publication.release.slug}.json", path_of(publication))["uploaded"] is True


def test_a_release_under_a_new_name_leaves_its_old_place_and_clients_go_on(feed: Feed, installer: Installer) -> None:
    """A role that a client has seen in a snapshot stays in every later one; without that it would refuse them."""
    publication, other = feed.publish(), feed.publish()
    feed.sign()
    path = path_of(publication)
    assert installer.find(path) is not None
    Release.objects.filter(pk=publication.release_id).update(slug="another-name")
    feed.sign()
    assert installer.find(path) is None
    publication.release.refresh_from_db()
    assert installer.install(path_of(publication)) == WHEEL
    assert installer.install(path_of(other)) == WHEEL


def test_versions_that_were_followed_long_ago_are_dropped_and_roots_kept(feed: Feed, installer: Installer) -> None:
    publication = feed.publish()
    for _ in range(3):
        feed.publish(publication.release)
        feed.store.rotate("timestamp")
        feed.sign()
    IndexFile.objects.exclude(version=versions()["timestamp"][-1]).update(made_at=timezone.now() - timedelta(days=31))
    feed.publish(publication.release)
    feed.sign()
    left = versions()
    assert left["root"] == [1, 2, 3, 4]
    assert left["timestamp"] == [3, 4, 5]  # 3 was followed by one that is new itself
    assert left[publication.release.slug] == [3, 4]
    assert installer.install(path_of(publication)) == WHEEL


def test_without_its_key_nothing_is_signed_and_the_sentence_says_so(feed: Feed, caplog: Any, settings: Any) -> None:
    feed.sign()
    feed.publish()
    for private in settings.KEYS_DIR.glob("snapshot.????????.pem"):
        private.unlink()
    with pytest.raises(Trouble, match="No key that the root names for snapshot signs here"):
        feed.sign()
    sign_index()
    assert "The index of the feed was not signed: No key that the root names for snapshot" in caplog.text
    assert versions()["timestamp"] == [1]


def test_of_two_signers_at_once_one_signs(feed: Feed) -> None:
    feed.sign()
    feed.publish()

    def sign(_: int) -> list[str]:
        try:
            return feed.sign()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = [files for files in pool.map(sign, range(8)) if files]
    assert len(made) == 1
    assert versions()["timestamp"] == [1, 2]


@pytest.fixture
def _slow_last_step(feed: Feed) -> Iterator[None]:
    """The database takes its time with a timestamp, the last file of every change."""
    feed.sign()
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
                       "$$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$")  # fmt: skip
        cursor.execute("CREATE TRIGGER dawdle BEFORE INSERT ON contributions_indexfile FOR EACH ROW "
                       "WHEN (NEW.role = 'timestamp') EXECUTE FUNCTION dawdle()")  # fmt: skip
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION dawdle() CASCADE")


def is_dawdling() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        found = cursor.fetchone()
    return found[0] if found else None


@pytest.mark.usefixtures("_slow_last_step")
def test_a_signer_killed_half_way_leaves_the_old_index_whole(feed: Feed, installer: Installer) -> None:
    publication = feed.publish()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")} | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database_url(),
        "PATCHBAY_VAR": str(django_settings.VAR_DIR),
        "PATCHBAY_KEYS_DIR": str(django_settings.KEYS_DIR),
    }
    signer = subprocess.Popen([sys.executable, "-c", SIGN], env=environment, cwd=django_settings.BASE_DIR)
    pid = wait_for(is_dawdling, "the signer's last step")
    signer.send_signal(signal.SIGKILL)
    signer.wait(60)
    assert installer.find(path_of(publication)) is None
    assert versions() == {"root": [1], "targets": [1], "snapshot": [1], "timestamp": [1]}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])  # as PostgreSQL does when it notices
        cursor.execute("DROP TRIGGER dawdle ON contributions_indexfile")
    assert feed.sign() == [
        f"1.{publication.release.slug}.json",
        "2.targets.json",
        "2.snapshot.json",
        "2.timestamp.json",
    ]
    assert installer.install(path_of(publication)) == WHEEL


def test_a_signer_at_work_signs_what_is_published_and_makes_a_root_for_a_trial(feed: Feed, crew: Crew) -> None:
    crew.environment["PATCHBAY_KEYS_DIR"] = str(django_settings.KEYS_DIR)
    crew.start_worker()
    sweep()
    wait_for(lambda: versions().get("timestamp"), "the first index")
    publication = feed.publish()
    sweep()
    wait_for(lambda: versions().get(publication.release.slug), "the release's file")


def test_a_site_in_the_open_waits_for_its_ceremony(feed: Feed, settings: Any) -> None:
    settings.HTTPS = True
    feed.publish()
    assert not indexing.is_due()
    assert feed.sign() == []
    assert not IndexFile.objects.exists()
    assert not settings.KEYS_DIR.exists()
