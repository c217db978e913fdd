"""What is sworn about a build: by whom, when, and that each word of it is the portal's own."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.utils import timezone

from contributions.errors import LeaseLost, Trouble
from contributions.models import Attestation, Blob, Build, Event, Lock, SigningKey
from contributions.models.attestation import word_of_signatures
from contributions.pipeline import attesting, keyholding
from contributions.pipeline.attesting import finished_build, sign
from contributions.pipeline.building import build, queue_bare_build
from contributions.signing import bills, provenance
from contributions.tasks import sweep
from tests import factories
from tests.signing.conftest import sign_now, statement_in

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Contribution
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
SITE = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.SITE_URL = SITE


def independently_opened(envelope: bytes, pem: str) -> bytes:
    """The payload, its signature checked by the words of the DSSE specification and with `cryptography` alone."""
    read = json.loads(envelope)
    payload, kind = b64decode(read["payload"]), read["payloadType"].encode()
    signed = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    load_pem_public_key(pem.encode()).verify(b64decode(read["signatures"][0]["sig"]), signed)
    return payload


@pytest.mark.attack("T06")
def test_provenance_verifies_with_independent_code_and_is_about_the_artifact(signed: Attestation) -> None:
    envelope, pem = signed.provenance.read(), signed.key.pem
    statement = json.loads(independently_opened(envelope, pem))
    artifact = signed.build.artifacts.get()
    digest = hashlib.sha256(artifact.blob.read()).hexdigest()
    assert statement["subject"] == [{"name": artifact.name, "digest": {"sha256": digest}}]
    forged = envelope.replace(json.loads(envelope)["payload"][:64].encode(), b"A" * 64)
    with pytest.raises(InvalidSignature):
        independently_opened(forged, pem)


@pytest.mark.attack("T06")
def test_every_field_comes_from_the_portals_own_records(signed: Attestation, upstream: Upstream) -> None:
    statement = statement_in(signed.provenance.read())
    made, revision = signed.build, signed.build.revision
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    definition, run = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert definition["buildType"] == f"{SITE}/how-builds-are-signed/#build-type-1"
    assert definition["externalParameters"] == {
        "component": "song",
        "upstream": f"file://{upstream.path}",
        "release": "1.0",
        "ref": "refs/tags/1.0",
        "contribution": f"{SITE}/contributions/{revision.contribution_id}/",
        "revision": 1,
    }
    inner = definition["internalParameters"]
    assert inner["recipe"] == made.recipe
    assert inner["recipeSha256"] == made.recipe_digest
    assert inner["executor"] == "bubblewrap"
    assert inner["sandbox"]["network"] is False
    assert inner["sandbox"]["limits"]["memory_mb"] == 512
    patch = f"{SITE}/contributions/{revision.contribution_id}/v1.patch"
    assert definition["resolvedDependencies"] == [
        {
            "name": "upstream",
            "uri": f"git+file://{upstream.path}@refs/tags/1.0",
            "digest": {"gitCommit": upstream.git("rev-parse", "1.0^{commit}")},
        },
        {
            "name": "patch",
            "uri": patch,
            "digest": {"sha256": hashlib.sha256(revision.mbox.read()).hexdigest()},
        },
        {"name": "patched release", "digest": {"gitCommit": revision.fits.get().commit}},
    ]
    assert run["builder"]["id"] == f"{SITE}/how-builds-are-signed/#bubblewrap"
    assert run["builder"]["version"]["patchbay"]
    assert run["metadata"]["invocationId"] == f"{SITE}/builds/{made.pk}/#attempt-1"
    assert run["metadata"]["startedOn"] <= run["metadata"]["finishedOn"]
    digests = {thing["name"]: thing["digest"]["sha256"] for thing in run["byproducts"]}
    assert digests == {
        "log": hashlib.sha256(made.log.read()).hexdigest(),
        "bill of materials": hashlib.sha256(signed.bill.read()).hexdigest(),
    }


@pytest.mark.attack("T06")
def test_a_build_that_names_its_own_provenance_changes_no_word_of_it(mending: Contribution) -> None:
    """The build writes its own statement and says in its log what it would have signed; that is only one more file."""
    lie = '{"subject": [], "predicateType": "https://slsa.dev/provenance/v1", "builder": "evil"}'
    Build.objects.update(
        recipe=Build.objects.get().recipe
        | {"build": f"mkdir dist; echo '{lie}' | tee dist/provenance.json dist/x.txt"},
    )
    Build.objects.update(recipe=Build.objects.get().recipe | {"artifact_patterns": ["dist/*"]})
    lying = Build.objects.get(revision__contribution=mending)
    build(lying.pk)
    statement = statement_in(sign_now(Build.objects.get()).provenance.read())
    assert [subject["name"] for subject in statement["subject"]] == ["dist/provenance.json", "dist/x.txt"]
    assert statement["predicate"]["runDetails"]["builder"]["id"].startswith(SITE)
    del statement["predicate"]["buildDefinition"]["internalParameters"]["recipe"]
    assert "evil" not in json.dumps(statement)


def test_the_bill_of_materials_is_a_cyclonedx_document_that_names_the_patch(signed: Attestation) -> None:
    text = signed.bill.read().decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    built = bill["metadata"]["component"]
    artifact, revision = signed.build.artifacts.get(), signed.build.revision
    assert (bill["specVersion"], built["name"], built["version"]) == ("1.6", "song", "1.0")
    assert built["components"][0]["hashes"] == [{"alg": "SHA-256", "content": artifact.sha256}]
    [ancestor] = built["pedigree"]["ancestors"]
    assert ancestor["pedigree"]["commits"] == [{"uid": signed.build.upstream_commit}]
    [patch] = built["pedigree"]["patches"]
    assert patch["diff"]["url"].endswith(f"/v1.patch#sha256={revision.mbox_id}")
    resolved = {(issue["type"], issue["id"]) for issue in patch["resolves"]}
    assert resolved >= {("defect", "4711"), ("security", "CVE-2026-12345")}


def test_signing_twice_gives_the_same_bytes(signed: Attestation) -> None:
    before = signed.provenance_id, signed.bill_id
    Attestation.objects.all().queue_again()
    again = sign_now(signed.build)
    assert (again.provenance_id, again.bill_id) == before


def test_an_attestation_is_queued_with_the_builds_result_and_only_for_what_made_something(
    built: Build, mending: Contribution
) -> None:
    assert built.attestation.state == "queued"
    failing = factories.make_build(mending.current, built.release, state="failed")
    empty = factories.make_build(mending.current, built.release)
    assert [attesting.queue_attestation(row) for row in (failing, empty, built)] == [[], [], []]


def test_the_bare_release_is_attested_without_a_patch(built: Build) -> None:
    bare = queue_bare_build(built)
    assert bare is not None
    [queued] = build(bare.pk)
    assert isinstance(queued, Attestation)
    bare.refresh_from_db()
    statement = statement_in(sign_now(bare).provenance.read())
    materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert [material["digest"] for material in materials] == [{"gitCommit": bare.commit}]
    assert "pedigree" in sign_now(bare).bill.read().decode()


def test_a_branch_that_moved_since_is_sworn_at_the_commit_that_was_built(built: Build) -> None:
    stood = built.upstream_commit
    built.revision.fits.update(release_commit=factories.make_commit_id(), commit=factories.make_commit_id())
    built.release.commit = factories.make_commit_id()
    built.release.save()
    statement = statement_in(sign_now(built).provenance.read())
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"] == {"gitCommit": stood}


# Keys come and go


def test_a_new_site_makes_its_keys_once_and_tells_of_it(signed: Attestation, keys: Path) -> None:
    assert signed.key.is_current
    assert keyholding.make_first_keys() == []
    assert SigningKey.objects.of_role("builds").count() == 1
    assert Event.objects.filter(verb="keys-changed", text__contains=signed.key.keyid).count() == 1
    assert list(keys.glob("root.*.pem")), "a site for trying out has them all"


def test_a_site_in_the_open_makes_no_root_key(settings: Any, keys: Path) -> None:
    settings.HTTPS = True
    keyholding.make_first_keys()
    assert list(keys.glob("builds.*.pem"))
    assert not list(keys.glob("root.*"))


def test_without_its_key_an_attestation_waits_then_gives_up_and_is_signed_when_the_key_is_there(
    built: Build, keys: Path, settings: Any
) -> None:
    keyholding.make_first_keys()
    aside = keys.rename(keys.with_name("aside"))
    for left in reversed(range(settings.ATTEMPTS)):
        sign(built.attestation.pk)
        built.attestation.refresh_from_db()
        assert "not on this machine" in built.attestation.sentence
        assert built.attestation.state == ("queued" if left else "errored")
    assert word_of_signatures().startswith("builds not signed: 1. The key for builds is not on this machine")
    assert SigningKey.objects.of_role("builds").count() == 1, "no key is made behind the operator's back"
    aside.rename(keys)
    assert attesting.sign_again() == 1
    assert sign_now(built).key.keyid
    assert word_of_signatures() == "ok"


@pytest.mark.attack("T09")
def test_a_rotated_key_leaves_old_builds_verifiable_and_signs_new_ones_no_more(built: Build, keys: Path) -> None:
    old = sign_now(built).key
    new = keyholding.rotate_key("builds")
    assert not (keys / f"builds.{old.keyid[:8]}.pem").exists(), "nothing can be signed with it again"
    old.refresh_from_db()
    assert (old.retired_at is not None, old.is_trusted) == (True, True)
    assert independently_opened(built.attestation.provenance.read(), old.pem)
    Attestation.objects.all().queue_again()
    assert sign_now(built).key.keyid == new.keyid
    with pytest.raises(InvalidSignature):
        independently_opened(built.attestation.provenance.read(), old.pem)


@pytest.mark.attack("T09")
def test_what_a_revoked_key_signed_is_taken_back_and_signed_again(built: Build) -> None:
    lost = sign_now(built).key
    assert keyholding.revoke_key(lost.keyid[:12], "A backup was stolen.") == 1
    built.attestation.refresh_from_db()
    assert (built.attestation.state, built.attestation.provenance_id) == ("queued", None)
    assert built.attestation.was_revoked
    sign(built.attestation.pk)
    built.attestation.refresh_from_db()
    assert "not on this machine" in built.attestation.sentence
    keyholding.make_key("builds")
    assert sign_now(built).key.keyid != lost.keyid
    assert not built.attestation.was_revoked


def test_a_key_revoked_while_it_signs_signs_nothing(built: Build) -> None:
    keyholding.make_first_keys()
    signer = keyholding.signer_of("builds")
    SigningKey.objects.of_role("builds").update(revoked_at=timezone.now(), reason="Lost.")
    with pytest.raises(Trouble, match="revoked"):
        keyholding.trusted_key("builds", signer)
    sign(built.attestation.pk)
    built.attestation.refresh_from_db()
    assert built.attestation.state == "queued"
    assert "revoked" in built.attestation.sentence


def test_a_key_from_the_environment_replaces_the_one_before(built: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sign_now(built).key
    monkeypatch.setenv("PATCHBAY_KEY_BUILDS", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0cyE=")
    Attestation.objects.all().queue_again()
    assert sign_now(built).key != before
    assert SigningKey.objects.of_role("builds").trusted().count() == 2


# Twice, or half


def test_a_signer_that_died_leaves_the_row_to_the_next_one(built: Build) -> None:
    attestation = Attestation.objects.claim(built.attestation.pk)
    sign(attestation.pk)
    attestation.refresh_from_db()
    assert attestation.state == "running", "whoever holds the lease is not disturbed"
    Attestation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sign_now(built).attempts == 2


def test_of_two_signers_one_result_counts(built: Build) -> None:
    first = Attestation.objects.claim(built.attestation.pk)
    Attestation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = sign_now(built)
    with pytest.raises(LeaseLost):
        attesting._sign(first)  # noqa: SLF001 - what the first one does when it wakes
    second.refresh_from_db()
    assert second.attempts == 2


def test_an_attestation_whose_doorbell_was_lost_is_rung_for_again(built: Build) -> None:
    Attestation.objects.update(queued_at=timezone.now() - timedelta(hours=1))
    sweep()
    assert Attestation.objects.get(build=built).rung_at is not None


def test_builds_from_before_are_attested_when_asked_for(built: Build) -> None:
    built.attestation.delete()
    Build.objects.update(upstream_commit="", executor="", sandbox={})
    assert attesting.sign_again() == 1
    sworn = sign_now(Build.objects.get())
    builder = statement_in(sworn.provenance.read())["predicate"]["runDetails"]["builder"]["id"]
    assert builder.endswith("#unrecorded")


def test_a_key_whose_files_are_lost_is_followed_by_the_one_made_next(built: Build, keys: Path) -> None:
    lost = sign_now(built).key
    keys.rename(keys.with_name("lost"))
    made = keyholding.make_key("builds")
    lost.refresh_from_db()
    assert lost.retired_at is not None
    assert [key.keyid for key in SigningKey.objects.of_role("builds").filter(retired_at=None)] == [made.keyid]


def test_a_stacks_build_swears_to_each_patch_and_to_its_lock(built: Build) -> None:
    """Else it would read as one of the bare release."""
    revision = built.revision
    assert revision is not None
    contribution = revision.contribution
    stack = factories.make_stack(contribution, release=built.release, name="Ours")
    assembly = factories.make_assembly(stack)
    content = Blob.objects.keep_bytes(b'{"format": "patchbay.lock"}')
    Lock.objects.create(stack=stack, number=1, assembly=assembly, content=content)
    Build.objects.filter(pk=built.pk).update(revision=None, assembly=assembly, depth=1)
    built.refresh_from_db()
    finished = finished_build(built)
    statement = json.loads(provenance.statement_of(finished, "0" * 64))
    assert {"name": "patchbay.lock.json", "digest": {"sha256": content.sha256}} in statement["subject"]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["stack"] == f"{SITE}/stacks/{stack.pk}/assemblies/1/"
    patch = {"name": "patch", "uri": f"{SITE}/contributions/{contribution.pk}/v1.patch"}
    assert patch | {"digest": {"sha256": revision.mbox_id}} in definition["resolvedDependencies"]
    [inside] = json.loads(bills.bill_of(finished))["metadata"]["component"]["pedigree"]["patches"]
    assert inside["diff"]["url"].endswith(f"/v1.patch#sha256={revision.mbox_id}")
