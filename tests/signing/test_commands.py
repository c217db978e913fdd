"""manage.py keys and manage.py verify, as an operator types them."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from contributions.models import Attestation, Event
from contributions.pipeline import keyholding
from tests import factories
from tests.signing.conftest import sign_now

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Build

pytestmark = pytest.mark.django_db


def said(*words: Any, **options: Any) -> str:
    """What the command says when it does what it is asked."""
    out = StringIO()
    call_command(*map(str, words), stdout=out, **options)
    return out.getvalue()


def refused(*words: Any) -> str:
    """What `verify` says when it ends with exit code 1."""
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*map(str, words), stdout=StringIO(), stderr=err)
    assert ended.value.code == 1
    return err.getvalue()


@pytest.fixture
def files(signed: Attestation, tmp_path: Path) -> dict[str, Path]:
    """What a stranger has: the file, its envelope, and the portal's public key."""
    place = tmp_path / "downloads"
    place.mkdir()
    contents = {
        "song.txt": signed.build.artifacts.get().blob.read(),
        "envelope.json": signed.provenance.read(),
        "key.pem": signed.key.public.as_file().encode(),
    }
    for name, content in contents.items():
        (place / name).write_bytes(content)
    return {name: place / name for name in contents}


def with_files(files: dict[str, Path]) -> tuple[Any, ...]:
    return ("verify", files["song.txt"], "--provenance", files["envelope.json"], "--keys", files["key.pem"])


def test_a_file_is_verified_with_files_alone_and_without_a_database(
    files: dict[str, Path], signed: Attestation, tmp_path: Path
) -> None:
    command = [sys.executable, "manage.py", *map(str, with_files(files))]
    environment = {"PATCHBAY_VAR": str(tmp_path / "none"), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    revision = signed.build.revision
    assert f"/contributions/{revision.contribution_id}/v1.patch" in done.stdout
    for fact in (revision.mbox_id, signed.build.upstream_commit, signed.key.keyid, f"/builds/{signed.build.pk}/"):
        assert fact in done.stdout


@pytest.mark.attack("T06")
def test_a_changed_file_is_refused(files: dict[str, Path]) -> None:
    assert "is verified" in said(*with_files(files))
    files["song.txt"].write_bytes(files["song.txt"].read_bytes() + b"\n")
    assert "none of them has the SHA-256" in refused(*with_files(files))


@pytest.mark.attack("T06")
def test_a_changed_envelope_is_refused(files: dict[str, Path]) -> None:
    read = json.loads(files["envelope.json"].read_text())
    other = json.loads(files["envelope.json"].read_text())
    other["payload"] = b64encode(b'{"_type": "https://in-toto.io/Statement/v1", "subject": []}').decode()
    files["envelope.json"].write_text(json.dumps(other))
    assert "was changed after it was signed" in refused(*with_files(files))
    read["payloadType"] = "text/plain"
    files["envelope.json"].write_text(json.dumps(read))
    assert "not application/vnd.in-toto+json" in refused(*with_files(files))


@pytest.mark.attack("T06")
def test_another_key_is_refused_even_if_it_claims_the_id(files: dict[str, Path], signed: Attestation) -> None:
    files["key.pem"].write_text(factories.make_signing_key().pem)
    assert "none of the keys that are trusted here" in refused(*with_files(files))
    with_a_lie = f"Role: builds\nKeyid: {signed.key.keyid}\n\n{factories.make_signing_key().pem}"
    files["key.pem"].write_text(with_a_lie)
    assert "none of the keys that are trusted here" in refused(*with_files(files))


def test_a_key_for_something_else_vouches_for_no_build(files: dict[str, Path], signed: Attestation) -> None:
    files["key.pem"].write_text(signed.key.public.as_file().replace("Role: builds", "Role: history"))
    assert "none of the keys" in refused(*with_files(files))


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"[]", b"{}", b'{"payload": 1}', b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * (17 << 20)],
)
def test_what_is_no_envelope_is_refused_in_a_sentence(files: dict[str, Path], content: bytes) -> None:
    files["envelope.json"].write_bytes(content)
    assert "This is no signed provenance" in refused(*with_files(files))


def test_a_file_that_is_not_there_is_told(files: dict[str, Path]) -> None:
    files["key.pem"].unlink()
    with pytest.raises(CommandError, match=r"key\.pem cannot be read"):
        said(*with_files(files))
    files["key.pem"].write_text("no key\n")
    assert "no Ed25519 public key" in refused(*with_files(files))
    files["key.pem"].write_text("")
    assert "no public key in it" in refused(*with_files(files))


@pytest.mark.attack("T09")
def test_what_a_revoked_key_signed_is_refused_by_whoever_hears_of_it(
    files: dict[str, Path], signed: Attestation
) -> None:
    said("keys", "revoke", signed.key.keyid, reason="A backup was stolen.")
    signed.key.refresh_from_db()
    assert "is verified" in said(*with_files(files)), "who keeps the old file of the key has not heard of it"
    files["key.pem"].write_text(signed.key.public.as_file())
    assert "was revoked" in refused(*with_files(files))
    assert "A backup was stolen" in refused("verify", files["song.txt"], "--provenance", files["envelope.json"])
    assert "not signed yet" in refused("verify", files["song.txt"])
    said("keys", "make", "builds")
    sign_now(signed.build)
    assert "is verified" in said("verify", files["song.txt"])


@pytest.mark.attack("T09")
def test_after_a_rotation_both_keys_in_one_file_verify_old_and_new(files: dict[str, Path], built: Build) -> None:
    said("keys", "rotate", "builds")
    assert ", retired on " in said("verify", files["song.txt"])
    Attestation.objects.all().queue_again()
    new = sign_now(built)
    files["envelope.json"].write_bytes(new.provenance.read())
    assert "none of the keys" in refused(*with_files(files))
    files["key.pem"].write_text(files["key.pem"].read_text() + new.key.public.as_file())
    assert "is verified" in said(*with_files(files))


def test_the_portals_own_records_tell_of_uploads_and_strangers(tmp_path: Path) -> None:
    uploaded = factories.make_contribution(kind="executable")
    factories.make_artifact(build=None, revision=uploaded.current, name="player", content=b"from elsewhere")
    (tmp_path / "player").write_bytes(b"from elsewhere")
    assert "this portal did not build it" in refused("verify", tmp_path / "player")
    (tmp_path / "player").write_bytes(b"from nowhere")
    assert "knows no file with these bytes" in refused("verify", tmp_path / "player")


def test_keys_are_made_shown_rotated_and_revoked(keys: Path) -> None:
    assert "no keys here yet" in said("keys", "show")
    said("keys", "make")
    shown = said("keys", "show")
    assert "The root key lies on this machine." in shown
    assert len([line for line in shown.splitlines() if line.endswith(" signs")]) == 7
    said("keys", "rotate", "builds")
    assert "retired" in said("keys", "show")
    [current] = [key for key in keyholding.key_store().show("builds") if key.is_current]
    assert "Revoked." in said("keys", "revoke", current.keyid[:10], reason="Lost.")
    assert ": Lost." in said("keys", "show")
    assert Event.objects.filter(verb="keys-changed").count() == 3
    assert not list(keys.glob("builds.????????.pem"))


def test_a_mistake_in_a_command_is_told() -> None:
    for words, sentence in (
        (("make", "bilds"), "There is no role bilds"),
        (("rotate", "bilds"), "There is no role bilds"),
        (("revoke", "abc", "--reason", "x"), "There is no key abc"),
        (("revoke", "", "--reason", "x"), "There is no key"),
        (("revoke", "abc", "--reason", " "), "Say why"),
    ):
        with pytest.raises(CommandError, match=sentence):
            said("keys", *words)


def test_keys_tell_what_waits_for_them(built: Build) -> None:
    said("keys", "make")
    assert "Not signed: 1." in said("keys", "show")
    Attestation.objects.update(state="errored", sentence="The key was not here.")
    assert "The key was not here." in said("keys", "show")
    assert "Queued to be signed: 1." in said("keys", "sign-again")
    sign_now(built)
    assert "Not signed" not in said("keys", "show")
    assert said("keys", "sign-again") == ""
