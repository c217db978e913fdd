"""What an attacker between the portal and a client may try; each beside the same way with nothing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Snapshot, TargetFile, Targets, Timestamp

from contributions.signing.repository import Version

from .conftest import WHEEL, Installer, path_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from securesystemslib.signer import Signer

    from contributions.models import Publication

    from .conftest import Feed, Mirror

pytestmark = pytest.mark.attack("T08")


def changed(content: bytes, change: Callable[[Any], None], signer: Signer | None = None) -> bytes:
    """The file with something else in it, signed anew if somebody has a key."""
    metadata: Metadata[Any] = Metadata.from_bytes(content)
    change(metadata.signed)
    if signer is not None:
        metadata.sign(signer)
    return metadata.to_bytes()


@pytest.fixture
def publication(feed: Feed, installer: Installer) -> Publication:
    """Something that this client has installed once: the attacks begin from there."""
    publication = feed.publish()
    assert feed.sign() == [
        f"1.{publication.release.slug}.json",
        "2.targets.json",
        "2.snapshot.json",
        "2.timestamp.json",
    ]
    assert installer.install(path_of(publication)) == WHEEL
    return publication


def forge(feed: Feed, mirror: Mirror, role: str, forged: bytes, version: int) -> None:
    """Have the mirror hand out the file as the role's next version, under a snapshot and a timestamp that vouch for it.

    It takes the keys of snapshot and timestamp, which are those that lie closest to the network.
    """

    def include(signed: Snapshot) -> None:
        signed.version = version
        signed.meta[f"{role}.json"] = Version.of(Metadata.from_bytes(forged).signed.version, forged).as_meta()

    def point(signed: Timestamp) -> None:
        signed.version, signed.snapshot_meta = version, Version.of(version, snapshot).as_meta()

    snapshot = changed(feed.newest("snapshot"), include, feed.store.signer("snapshot"))
    timestamp = changed(feed.newest("timestamp"), point, feed.store.signer("timestamp"))
    number = Metadata.from_bytes(forged).signed.version
    mirror.instead |= {
        f"{number}.{role}.json": forged, f"{version}.snapshot.json": snapshot, "timestamp.json": timestamp,
    }  # fmt: skip


def with_target(path: str, content: bytes) -> Callable[[Targets], None]:
    def add(signed: Targets) -> None:
        signed.version += 1
        signed.targets[path] = TargetFile.from_data(path, content)

    return add


def test_a_file_that_was_tampered_with_is_refused(
    installer: Installer, mirror: Mirror, publication: Publication
) -> None:
    path = path_of(publication)
    name = f"{publication.artifacts[0].sha256}.{path.rpartition('/')[2]}"
    mirror.instead[name] = WHEEL.replace(b"approved", b"infected")
    with pytest.raises(exceptions.LengthOrHashMismatchError, match="hash"):
        installer.install(path)
    mirror.instead.clear()
    assert installer.install(path) == WHEEL


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("3.timestamp.json", exceptions.UnsignedMetadataError),
        ("3.snapshot.json", exceptions.LengthOrHashMismatchError),
        ("3.targets.json", exceptions.LengthOrHashMismatchError),
        ("1.{slug}.json", exceptions.LengthOrHashMismatchError),
    ],
)
def test_an_index_that_was_tampered_with_is_refused(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication, name: str, refusal: type[Exception]
) -> None:
    newer = feed.publish()
    assert len(feed.sign()) == 4
    name = name.format(slug=newer.release.slug)
    asked = "timestamp.json" if "timestamp" in name else name
    mirror.instead[asked] = changed(feed.file(name), lambda signed: setattr(signed, "version", signed.version + 1))
    with pytest.raises(refusal):
        installer.find(path_of(newer))
    mirror.instead.clear()
    assert installer.find(path_of(newer)) is not None
    assert installer.find(path_of(publication)) is not None


def test_an_old_timestamp_is_refused(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication, tmp_path: Path
) -> None:
    feed.withdraw(publication)
    feed.sign()
    assert installer.find(path_of(publication)) is None
    mirror.instead["timestamp.json"] = feed.file("2.timestamp.json")
    with pytest.raises(exceptions.BadVersionNumberError, match="timestamp version"):
        installer.refresh()
    # The control: whoever has no memory to refuse it with takes it, until its day is over.
    stranger = Installer(tmp_path / "stranger", mirror.address, installer.root)
    assert stranger.find(path_of(publication)) is not None


def test_an_old_snapshot_under_a_new_timestamp_is_refused(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
) -> None:
    """Whoever has the timestamp's key alone cannot bring back what was withdrawn."""
    feed.withdraw(publication)
    feed.sign()
    installer.refresh()
    version, number = 3, 4

    def point(signed: Timestamp) -> None:
        signed.version = number
        signed.snapshot_meta = Version.of(version, feed.file(f"{version}.snapshot.json")).as_meta()

    def timestamp() -> bytes:
        return changed(feed.newest("timestamp"), point, feed.store.signer("timestamp"))

    mirror.instead["timestamp.json"] = timestamp()
    installer.refresh()  # the control: it is a true timestamp, as long as it names the newest snapshot
    version, number = 2, 5
    mirror.instead["timestamp.json"] = timestamp()
    with pytest.raises(exceptions.BadVersionNumberError, match="snapshot version"):
        installer.refresh()


def test_a_release_set_back_in_a_new_snapshot_is_refused(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
) -> None:
    """Neither can whoever has the keys of snapshot and timestamp."""
    slug = publication.release.slug
    feed.withdraw(publication)
    feed.sign()
    installer.refresh()
    forge(feed, mirror, slug, feed.file(f"1.{slug}.json"), version=4)
    with pytest.raises(exceptions.BadVersionNumberError, match=f"Expected {slug}.json version"):
        installer.refresh()
    forge(feed, mirror, slug, feed.file(f"2.{slug}.json"), version=5)
    installer.refresh()


@pytest.mark.parametrize("which", ["TIMESTAMP_HOURS", "SNAPSHOT_DAYS", "TARGETS_DAYS"])
def test_an_index_that_is_held_back_is_refused_when_its_time_is_over(
    feed: Feed, installer: Installer, publication: Publication, settings: Any, which: str
) -> None:
    usual = getattr(settings, f"INDEX_{which}")
    setattr(settings, f"INDEX_{which}", 0)
    newer = feed.publish(publication.release)
    feed.sign()
    with pytest.raises(exceptions.ExpiredMetadataError, match="expired"):
        installer.find(path_of(newer))
    setattr(settings, f"INDEX_{which}", usual)
    feed.sign()
    assert installer.install(path_of(newer)) == WHEEL


def test_parts_of_two_indexes_do_not_pass_for_one(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication, tmp_path: Path
) -> None:
    newer, slug = feed.publish(publication.release), publication.release.slug
    feed.sign()
    mirror.instead[f"2.{slug}.json"] = feed.file(f"1.{slug}.json")
    with pytest.raises(exceptions.LengthOrHashMismatchError):
        installer.find(path_of(newer))
    mirror.instead = {"3.snapshot.json": feed.file("2.snapshot.json")}
    with pytest.raises(exceptions.LengthOrHashMismatchError):
        Installer(tmp_path / "stranger", mirror.address, installer.root).refresh()
    mirror.instead.clear()
    assert installer.find(path_of(newer)) is not None


@pytest.mark.parametrize("what", ["timestamp.json", "3.snapshot.json", "2.{slug}.json", "{sha256}.{name}"])
def test_an_answer_without_end_is_cut_off(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication, what: str
) -> None:
    newer = feed.publish(publication.release, b"another wheel")
    feed.sign()
    path, (artifact,) = path_of(newer), newer.artifacts
    name = what.format(slug=newer.release.slug, sha256=artifact.sha256, name=path.rpartition("/")[2])
    mirror.endless.add(name)
    with pytest.raises(exceptions.DownloadLengthMismatchError):
        installer.install(path)
    mirror.endless.clear()
    assert installer.install(path) == b"another wheel"


def test_a_stranger_vouches_for_nothing(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
) -> None:
    """The keys of snapshot and timestamp do not suffice to put a file into a release."""
    slug, evil = publication.release.slug, path_of(publication).replace("-v1", "-v9")
    release = feed.file(f"1.{slug}.json")
    forge(feed, mirror, slug, changed(release, with_target(evil, b"evil"), CryptoSigner.generate_ed25519()), 3)
    with pytest.raises(exceptions.UnsignedMetadataError):
        installer.find(evil)
    forge(feed, mirror, slug, changed(release, with_target(evil, b"evil"), feed.store.signer("releases")), 4)
    assert installer.find(evil) is not None


def test_a_release_cannot_vouch_for_a_path_of_another(
    feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
) -> None:
    other = feed.publish()
    feed.sign()
    slug = publication.release.slug
    foreign, own = (path_of(one).replace("-v1", "-v9") for one in (other, publication))

    def add(signed: Targets) -> None:
        with_target(foreign, b"evil")(signed)
        with_target(own, b"evil")(signed)
        signed.version = 2

    forge(feed, mirror, slug, changed(feed.file(f"1.{slug}.json"), add, feed.store.signer("releases")), version=4)
    assert installer.find(foreign) is None
    assert installer.find(own) is not None


@pytest.mark.attack("D09")
@pytest.mark.parametrize("state", ["withdrawn", "quarantined"])
def test_what_was_taken_back_is_not_found(
    feed: Feed, installer: Installer, publication: Publication, state: str
) -> None:
    other = feed.publish(publication.release)
    feed.sign()
    assert installer.find(path_of(publication)) is not None
    feed.withdraw(publication, state)
    feed.sign()
    assert installer.find(path_of(publication)) is None
    assert installer.install(path_of(other)) == WHEEL


def test_what_was_taken_back_between_finding_and_downloading_is_not_there(
    feed: Feed, installer: Installer, publication: Publication
) -> None:
    """A client that found a file just before it was taken back is told why it cannot have it."""
    updater = installer.updater()
    found = updater.get_targetinfo(path_of(publication))
    assert found is not None
    feed.withdraw(publication)
    with pytest.raises(exceptions.DownloadHTTPError) as refusal:
        updater.download_target(found)
    assert refusal.value.status_code == 410


@pytest.mark.attack("T09")
class TestKeys:
    def test_a_key_that_is_rotated_is_followed(
        self, feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
    ) -> None:
        for role in ("timestamp", "snapshot", "targets", "releases", "root"):
            feed.store.rotate(role)
        assert feed.sign()[-4:] == [
            f"2.{publication.release.slug}.json", "3.targets.json", "3.snapshot.json", "3.timestamp.json",
        ]  # fmt: skip
        assert installer.install(path_of(publication)) == WHEEL
        assert "2.root.json" in mirror.metadata_asked()
        assert Metadata.from_bytes(feed.root()).signed.version == 2

    def test_without_the_root_that_names_the_new_key_nothing_signed_by_it_counts(
        self, feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
    ) -> None:
        feed.store.rotate("timestamp")
        feed.sign()
        mirror.hidden.add("2.root.json")
        with pytest.raises(exceptions.UnsignedMetadataError):
            installer.refresh()
        mirror.hidden.clear()
        assert installer.install(path_of(publication)) == WHEEL

    def test_what_a_revoked_key_signed_is_refused(
        self, feed: Feed, installer: Installer, mirror: Mirror, publication: Publication, tmp_path: Path
    ) -> None:
        stolen = feed.store.signer("timestamp")
        forged = changed(feed.file("2.timestamp.json"), lambda signed: setattr(signed, "version", 99), stolen)
        mirror.instead["timestamp.json"] = forged
        installer.refresh()  # the control: as long as the key counts, so does what the thief signs
        feed.store.rotate("timestamp")
        feed.store.revoke(stolen.public_key.keyid, "It was on a lost disk.")
        feed.sign()
        with pytest.raises(exceptions.UnsignedMetadataError):
            Installer(tmp_path / "stranger", mirror.address, installer.root).refresh()
        mirror.instead.clear()
        # The version 99 that the client had seen binds it no longer: what vouched for it is worth nothing.
        assert installer.install(path_of(publication)) == WHEEL

    def test_a_root_that_the_one_before_did_not_sign_is_refused(
        self, feed: Feed, installer: Installer, mirror: Mirror, publication: Publication
    ) -> None:
        thief = CryptoSigner.generate_ed25519()

        def take_over(signed: Any) -> None:
            signed.version = 2
            signed.roles["root"].keyids = []
            signed.add_key(thief.public_key, "root")

        forged = changed(feed.root(), take_over, thief)
        mirror.instead["2.root.json"] = forged
        with pytest.raises(exceptions.UnsignedMetadataError):
            installer.refresh()
        metadata: Metadata[Any] = Metadata.from_bytes(forged)
        metadata.sign(feed.store.signer("root"), append=True)
        mirror.instead["2.root.json"] = metadata.to_bytes()
        installer.refresh()
        assert path_of(publication)
