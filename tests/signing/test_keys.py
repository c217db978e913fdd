"""Keys as files and as secrets: who may read them, what becomes of them, who is first."""

from __future__ import annotations

import base64
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from contributions.errors import Clash, Invalid, Missing, Trouble
from contributions.signing.keys import KeyStore, key_of_pem

if TYPE_CHECKING:
    from pathlib import Path

WORDS = b"what is sworn"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", {})


def signs_for(store: KeyStore, role: str, keyid: str = "") -> str:
    """The id of the key that signed for the role; its public half is asked whether it did."""
    signature = store.signer(role, keyid).sign(WORDS)
    next(key for key in store.public(role) if key.keyid == signature.keyid).verify_signature(signature, WORDS)
    return signature.keyid


def test_a_key_is_made_once_and_signs(store: KeyStore) -> None:
    made = store.make("builds")
    assert signs_for(store, "builds") == made.keyid
    with pytest.raises(Clash, match="already"):
        store.make("builds")
    assert [key.keyid for key in store.public("builds")] == [made.keyid]


def test_private_halves_are_their_owners_alone(store: KeyStore, tmp_path: Path) -> None:
    made = store.make("root")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").glob("*.pem")}
    assert modes == {f"root.{made.keyid[:8]}.pem": 0o600, f"root.{made.keyid[:8]}.pub.pem": 0o644}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_key_that_others_may_touch_is_not_used(store: KeyStore, tmp_path: Path, mode: int) -> None:
    made = store.make("builds")
    (tmp_path / "keys" / f"builds.{made.keyid[:8]}.pem").chmod(mode)
    with pytest.raises(Trouble, match="chmod 600"):
        store.signer("builds")


def test_keys_in_a_directory_that_others_may_write_to_are_not_used(store: KeyStore, tmp_path: Path) -> None:
    store.make("builds")
    (tmp_path / "keys").chmod(0o777)
    with pytest.raises(Trouble, match="chmod 700"):
        store.signer("builds")


def test_a_missing_key_is_told_with_its_remedy(store: KeyStore) -> None:
    with pytest.raises(Trouble, match=r"The key for builds is not on this machine; run manage\.py keys make builds\."):
        store.signer("builds")


def test_an_unknown_role_is_refused(store: KeyStore) -> None:
    for ask in (store.signer, store.public, store.make, store.rotate):
        with pytest.raises(Missing, match="no role"):
            ask("../builds")


def test_a_rotated_key_is_trusted_still_and_signs_no_more(store: KeyStore) -> None:
    first, second = store.make("builds"), store.rotate("builds")
    assert signs_for(store, "builds") == second.keyid
    assert [key.keyid for key in store.public("builds")] == [second.keyid, first.keyid]
    assert [key.retired is None for key in store.show("builds")] == [True, False]


def test_a_retired_key_can_be_asked_for_until_it_is_forgotten(store: KeyStore) -> None:
    first, second = store.make("root"), store.rotate("root")
    assert signs_for(store, "root", first.keyid) == first.keyid
    store.forget(first.keyid)
    with pytest.raises(Trouble, match=r"private half .* is not on this machine"):
        store.signer("root", first.keyid)
    with pytest.raises(Clash, match="signs for root now"):
        store.forget(second.keyid)


@pytest.mark.attack("T09")
def test_a_revoked_key_neither_signs_nor_counts(store: KeyStore, tmp_path: Path) -> None:
    made = store.make("builds")
    other = store.make("history")
    store.revoke(made.keyid[:12], "The backup\ntape was lost.")
    assert store.public("builds") == []
    with pytest.raises(Trouble, match="not on this machine"):
        store.signer("builds")
    assert not (tmp_path / "keys" / f"builds.{made.keyid[:8]}.pem").exists()
    told = store.show("builds")[0]
    assert (told.is_trusted, told.reason) == (False, "The backup tape was lost.")
    assert signs_for(store, "history") == other.keyid


def test_revoking_asks_for_a_reason_and_for_one_key(store: KeyStore) -> None:
    store.make("builds")
    with pytest.raises(Invalid, match="why"):
        store.revoke(store.show()[0].keyid, " \n")
    with pytest.raises(Missing, match="no key"):
        store.revoke("ffff" * 16, "Lost.")


def test_missing_keys_are_made_once_by_the_first_of_many(tmp_path: Path) -> None:
    def make(_: int) -> int:
        return len(KeyStore(tmp_path / "keys", {}).make_missing(["builds", "history"]))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(make, range(8))) == 2


def test_a_revoked_key_is_not_replaced_behind_the_operators_back(store: KeyStore) -> None:
    store.make("builds")
    store.revoke(store.show("builds")[0].keyid, "Lost.")
    assert store.make_missing(["builds"]) == []


def test_a_public_half_that_others_lost_is_found_out(store: KeyStore, tmp_path: Path) -> None:
    mine, other = store.make("builds"), store.make("history")
    keys = tmp_path / "keys"
    (keys / f"builds.{mine.keyid[:8]}.pem").write_bytes((keys / f"history.{other.keyid[:8]}.pem").read_bytes())
    with pytest.raises(Trouble, match="does not belong"):
        store.signer("builds")
    (keys / f"builds.{mine.keyid[:8]}.pub.pem").write_text("nonsense")
    with pytest.raises(Trouble, match="holds no public key"):
        store.public("builds")


def test_a_secret_in_the_environment_comes_before_files(store: KeyStore, tmp_path: Path) -> None:
    seed, in_file = base64.b64encode(b"s" * 32).decode(), store.make("builds")
    with_secret = KeyStore(tmp_path / "keys", {"PATCHBAY_KEY_BUILDS": seed})
    keyid = signs_for(with_secret, "builds")
    assert keyid != in_file.keyid
    assert [key.keyid for key in with_secret.public("builds")] == [keyid, in_file.keyid]
    assert with_secret.show("builds")[0].is_from_environment
    with pytest.raises(Clash, match="PATCHBAY_KEY_BUILDS"):
        with_secret.rotate("builds")


def test_a_secret_may_be_a_pem_file_with_its_lines_joined(store: KeyStore, tmp_path: Path) -> None:
    made = store.make("builds")
    pem = (tmp_path / "keys" / f"builds.{made.keyid[:8]}.pem").read_text()
    for secret in (pem, pem.replace("\n", "\\n")):
        assert KeyStore(tmp_path / "elsewhere", {"PATCHBAY_KEY_BUILDS": secret}).signer("builds").public_key == made.key


@pytest.mark.parametrize("secret", ["nonsense", base64.b64encode(b"short").decode(), "-----BEGIN PRIVATE KEY-----"])
def test_a_secret_that_is_no_key_is_told_without_being_shown(tmp_path: Path, secret: str) -> None:
    with pytest.raises(Trouble, match="holds no Ed25519 key") as told:
        KeyStore(tmp_path, {"PATCHBAY_KEY_BUILDS": secret}).signer("builds")
    assert secret not in told.value.sentence


def test_a_revoked_secret_signs_no_more(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", {"PATCHBAY_KEY_BUILDS": base64.b64encode(b"s" * 32).decode()})
    store.revoke(signs_for(store, "builds"), "It was in a log.")
    with pytest.raises(Trouble, match="was revoked"):
        store.signer("builds")
    assert store.public("builds") == []


def test_openssl_reads_the_public_file_as_it_lies(store: KeyStore, tmp_path: Path) -> None:
    made = store.make("builds")
    file = tmp_path / "keys" / f"builds.{made.keyid[:8]}.pub.pem"
    read = subprocess.run(["openssl", "pkey", "-pubin", "-in", file], capture_output=True, check=True)
    assert read.stdout.decode() == made.pem
    assert key_of_pem(file.read_bytes()) == made.key


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_public_key_is_refused(pem: bytes) -> None:
    with pytest.raises(Invalid, match="no Ed25519 public key"):
        key_of_pem(pem)
