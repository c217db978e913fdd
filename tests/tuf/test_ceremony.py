"""The root of trust: keys that are kept elsewhere, how many of them must sign, and what never becomes a root."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from contributions.models import Event, IndexFile
from contributions.models.index import word_of_index
from contributions.signing import roots
from contributions.signing.keys import KeyStore

from .conftest import WHEEL, Installer, path_of

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from .conftest import Feed, Mirror

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@dataclass
class Table:
    """The place of the ceremony: a directory with the keys' halves and the root that goes round."""

    place: Path

    def key(self, name: str) -> str:
        """Make a key as its holder would, with OpenSSL; the public half's file."""
        private, public = self.place / f"{name}.pem", self.place / f"{name}.pub.pem"
        make, show = (
            ("genpkey", "-algorithm", "ed25519", "-out", private),
            ("pkey", "-in", private, "-pubout", "-out", public),
        )
        for command in (make, show):
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
        return str(public)

    @property
    def file(self) -> str:
        return str(self.place / "root.json")

    def draft(self, *keys: str, threshold: int | None = None) -> str:
        named = [argument for key in keys for argument in ("--key", key)]
        return manage("draft", *named, *(["--threshold", str(threshold)] if threshold else []), "--to", self.file)

    def sign(self, *names: str) -> str:
        return "".join(manage("sign", self.file, str(self.place / f"{name}.pem")) for name in names)

    def publish(self) -> str:
        return manage("publish", self.file)


def manage(*arguments: str) -> str:
    said = StringIO()
    call_command("keys", "root", *arguments, stdout=said)
    return said.getvalue()


@pytest.fixture
def table(feed: Feed, tmp_path: Path, settings: Any) -> Table:
    """On a site in the open, which makes no root by itself."""
    del feed
    settings.HTTPS = True
    settings.SECURE_SSL_REDIRECT = False  # the live server speaks plain HTTP
    (tmp_path / "table").mkdir()
    return Table(tmp_path / "table")


def test_two_of_three_keys_make_a_root_that_clients_follow(
    feed: Feed, table: Table, mirror: Mirror, tmp_path: Path
) -> None:
    a, b, c = (table.key(name) for name in "abc")
    assert "2 of 3 must sign" in table.draft(a, b, c, threshold=2)
    assert table.sign("a").count("has not signed") == 2
    with pytest.raises(CommandError, match="Of the 3 root keys of this root, 1 signed; 2 must"):
        table.publish()
    assert feed.sign() == []
    table.sign("b")
    assert "Version 1 of the root is published" in table.publish()
    assert Event.objects.filter(verb="keys-changed", text__contains="version 1 of the index's root").count() == 1
    publication = feed.publish()
    feed.sign()
    installer = Installer(tmp_path / "client", mirror.address, feed.root())
    assert installer.install(path_of(publication)) == WHEEL
    assert not any(held.role == "root" for held in feed.store.show())

    d = table.key("d")
    table.draft(c, d, threshold=2)
    table.sign("c", "d")
    with pytest.raises(CommandError, match="Of the 3 root keys of the root before, 1 signed; 2 must"):
        table.publish()
    assert "of the root before, or a mistake" in table.sign("b")
    table.publish()
    feed.sign()
    assert installer.install(path_of(publication)) == WHEEL
    assert "2.root.json" in mirror.metadata_asked()
    assert "Version    2" in manage("show")


def test_the_next_root_has_the_keys_of_the_one_before_unless_others_are_named(feed: Feed, table: Table) -> None:
    table.draft(table.key("a"), table.key("b"), threshold=2)
    table.sign("a", "b")
    table.publish()
    feed.sign()
    before = roots.facts_of(feed.root())
    table.draft()
    table.sign("a", "b")
    table.publish()
    feed.sign()
    after = roots.facts_of(feed.root())
    assert (after.version, after.threshold, after.keyids) == (2, 2, before.keyids)


def test_what_is_no_root_is_refused(feed: Feed, table: Table) -> None:
    a = table.key("a")
    with pytest.raises(CommandError, match="Name the public root keys"):
        table.draft()
    with pytest.raises(CommandError, match="A threshold of 2 needs as many root keys; there are 1"):
        table.draft(a, threshold=2)
    table.draft(a)
    with pytest.raises(CommandError, match="0 signed; 1 must"):
        table.publish()
    with pytest.raises(CommandError, match="The private key cannot be read"):
        manage("sign", table.file, a)
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        manage("publish", table.file + "x")
    table.sign("a")
    table.publish()
    with pytest.raises(CommandError, match="This is version 1 of the root; the next one is version 2"):
        table.publish()
    feed.sign()
    for content in (b"", b"{}", b"[" * 100_000, feed.file("1.timestamp.json"), b"x" * 600_000):
        (table.place / "root.json").write_bytes(content)
        with pytest.raises(CommandError, match="This is no root of an index"):
            table.publish()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda root: setattr(root, "expires", timezone.now().astimezone(root.expires.tzinfo)), "expired on"),
        (lambda root: setattr(root, "consistent_snapshot", False), "consistent snapshots"),
        (lambda root: setattr(root.roles["snapshot"], "threshold", 2), "The signer signs alone: snapshot"),
        (lambda root: root.roles["timestamp"].keyids.clear(), "The signer signs alone: timestamp"),
    ],
)
def test_a_root_that_nobody_could_follow_is_refused(table: Table, change: Any, sentence: str) -> None:
    table.draft(table.key("a"))
    metadata: Metadata[Any] = Metadata.from_bytes((table.place / "root.json").read_bytes())
    change(metadata.signed)
    (table.place / "root.json").write_bytes(metadata.to_bytes())
    table.sign("a")
    with pytest.raises(CommandError, match=sentence):
        table.publish()
    assert not IndexFile.objects.exists()


def test_a_root_waits_for_the_keys_that_it_names_and_clients_notice_nothing(
    feed: Feed, table: Table, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.draft(table.key("a"))
    table.sign("a")
    table.publish()
    publication = feed.publish()
    feed.sign()
    installer = Installer(tmp_path / "client", mirror.address, feed.root())
    elsewhere = CryptoSigner.generate_ed25519()
    metadata: Metadata[Any] = Metadata.from_bytes(feed.root())
    metadata.signed.version = 2
    metadata.signed.roles["timestamp"].keyids = []
    metadata.signed.add_key(elsewhere.public_key, "timestamp")
    (table.place / "root.json").write_bytes(metadata.to_bytes())
    table.sign("a")
    table.publish()
    feed.withdraw(publication)
    feed.sign()
    assert installer.find(path_of(publication)) is None
    assert word_of_index() == "version 2 of the root waits until the signer has the keys that it names"
    monkeypatch.setenv("PATCHBAY_KEY_TIMESTAMP", elsewhere.private_bytes.decode())
    feed.sign()
    assert word_of_index() == "ok"
    installer.refresh()
    assert "2.root.json" in mirror.metadata_asked()


@pytest.mark.attack("T09")
def test_after_a_rotation_the_signer_goes_on_with_the_old_key_until_a_root_names_the_new_one(
    feed: Feed, table: Table, mirror: Mirror, tmp_path: Path
) -> None:
    table.draft(table.key("a"))
    table.sign("a")
    table.publish()
    publication = feed.publish()
    feed.sign()
    installer = Installer(tmp_path / "client", mirror.address, feed.root())
    before = feed.store.signer("timestamp").public_key.keyid
    said = StringIO()
    call_command("keys", "rotate", "timestamp", stdout=said)
    assert "until the next root names this one" in said.getvalue()
    feed.publish(publication.release)
    feed.sign()
    assert before in feed.newest("timestamp").decode()
    assert installer.install(path_of(publication)) == WHEEL
    table.draft()
    table.sign("a")
    table.publish()
    feed.sign()
    assert before not in feed.newest("timestamp").decode()
    assert installer.install(path_of(publication)) == WHEEL
    assert [held.signs_here for held in feed.store.show("timestamp")] == [True, False]


def test_signing_a_root_needs_no_database_and_takes_keys_with_a_password(feed: Feed, table: Table) -> None:
    table.draft(table.key("a"))
    locked = str(table.place / "locked.pem")
    subprocess.run(
        [
            "openssl",
            "pkcs8",
            "-topk8",
            "-in",
            str(table.place / "a.pem"),
            "-out",
            locked,
            "-passout",
            "pass:open sesame",
        ],
        check=True,
    )
    elsewhere = {"DATABASE_URL": NOWHERE, "PATCHBAY_VAR": str(table.place / "var"), "PATH": os.environ["PATH"]}

    def sign(password: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "keys", "root", "sign", table.file, locked],
            env=elsewhere, cwd=django_settings.BASE_DIR, input=f"{password}\n", text=True, capture_output=True,
            check=False, start_new_session=True,
        )  # fmt: skip

    refused = sign("open barley")
    assert refused.returncode == 1
    assert "CommandError: The private key cannot be read" in refused.stderr
    done = sign("open sesame")
    assert done.returncode == 0, done.stderr
    assert " signed\n" in done.stdout
    table.publish()
    assert feed.sign() != []


def test_a_trial_root_in_the_open_is_made_when_asked_for(feed: Feed, table: Table) -> None:
    del table
    assert "Its key lies on this machine" in manage("init")
    assert feed.sign() == ["1.targets.json", "1.snapshot.json", "1.timestamp.json"]
    with pytest.raises(CommandError, match="There is a root already"):
        manage("init")
    said = StringIO()
    call_command("keys", "show", stdout=said)
    assert "The root key lies on this machine" in said.getvalue()
    assert "The index's timestamp is good until" in said.getvalue()


def test_the_operator_is_warned_sixty_days_before_a_root_ends(feed: Feed, table: Table, client: Client) -> None:
    assert word_of_index().startswith("nothing is signed yet")
    table.draft(table.key("a"))
    table.sign("a")
    table.publish()
    feed.sign()
    assert word_of_index() == client.get("/api/v1/status/").json()["index"] == "ok"
    now = timezone.now()
    IndexFile.objects.filter(role="root").update(expires_at=now + timedelta(days=59, hours=1))
    said = StringIO()
    call_command("keys", "show", stdout=said)
    assert "The index: the root is good for 59 days more; draft the next one" in said.getvalue()
    assert "The root is good for 59 days more" in client.get("/status/").content.decode()
    IndexFile.objects.filter(role="timestamp").update(expires_at=now - timedelta(hours=1))
    assert word_of_index().startswith("1.timestamp.json expired on")


def test_a_root_whose_key_is_here_is_renewed_by_itself_and_never_by_a_strangers_key(feed: Feed, caplog: Any) -> None:
    feed.sign()
    feed.store.revoke(feed.store.signer("root").public_key.keyid, "Lost.")
    feed.store.rotate("root")
    feed.sign()
    assert roots.facts_of(feed.root()).version == 1
    assert "The root stays at version 1: Of the 1 root keys of the root before, 0 signed; 1 must." in caplog.text
    assert KeyStore(django_settings.KEYS_DIR, {}).signer("timestamp")
