"""Private keys are read by the process that signs, and by nobody else: no page, no worker, no builder, no build."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as site
from django.test import Client

from contributions.models import Build
from contributions.pipeline import keyholding
from contributions.pipeline.building import build
from contributions.signing.keys import ROLES, variable_of
from portal.management.commands.run import children
from portal.services.children import Child
from tests.pages.conftest import body
from tests.sandbox.jailing import Jailer, unjailed
from tests.signing.conftest import sign_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contributions.models import Contribution

pytestmark = pytest.mark.django_db

watched: list[str] = []  # the directory that is watched now, and then what was opened in it


def _note(event: str, given: tuple[Any, ...]) -> None:
    if event == "open" and watched and str(given[0]).startswith(watched[0] + "/") and ".lock" not in str(given[0]):
        watched.append(str(given[0]).rpartition("/")[2])


sys.addaudithook(_note)


@contextmanager
def opened_in(directory: Path) -> Iterator[list[str]]:
    """The names of the files that anything in this process opens there during the block."""
    watched[:] = [str(directory)]
    names: list[str] = []
    try:
        yield names
    finally:
        names += watched[1:]
        watched.clear()


def is_private(name: str) -> bool:
    return name.endswith(".pem") and not name.endswith(".pub.pem")


@pytest.mark.attack("T06")
def test_neither_web_nor_worker_nor_builder_opens_a_key(mending: Contribution, keys: Path) -> None:
    keyholding.make_first_keys()
    waiting = Build.objects.get(revision__contribution=mending)
    with opened_in(keys) as by_the_builder:
        build(waiting.pk)
    waiting.refresh_from_db()
    with opened_in(keys) as by_the_signer:
        sworn = sign_now(waiting)
    with opened_in(keys) as by_the_web:
        for address in (
            waiting.get_absolute_url(),
            f"/builds/{waiting.pk}/provenance.json",
            "/keys/",
            sworn.key.get_absolute_url(),
            "/api/v1/keys/",
            f"/api/v1/builds/{waiting.pk}/",
            "/how-builds-are-signed/",
            "/status/",
        ):
            answer = Client().get(address)
            assert answer.status_code == 200
            body(answer)
    assert [name for name in by_the_signer if is_private(name)] == [f"builds.{sworn.key.keyid[:8]}.pem"], "the control"
    assert by_the_builder == by_the_web == []


def test_of_the_sites_processes_the_signer_alone_is_handed_keys_of_the_environment(tmp_path: Path) -> None:
    assert set(site.KEY_VARIABLES) == {variable_of(role) for role in ROLES}
    handed = {child.name for child in children() if not set(site.KEY_VARIABLES) <= set(child.without)}
    assert handed == {"signer"}
    says = [sys.executable, "-c", "import os; print('PATCHBAY_KEY_BUILDS' in os.environ, 'PATH' in os.environ)"]
    for without, words in (((), "True True"), (site.KEY_VARIABLES, "False True")):
        child = Child("child", says, tmp_path / words, lambda: True, {"PATCHBAY_KEY_BUILDS": "x"}, without=without)
        child.environment = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATCHBAY_KEY_BUILDS", "secret")
            child.start()
        assert child.process is not None
        child.process.wait(20)
        assert (tmp_path / words).read_text().strip() == words


STEAL = """\
for key in "$KEYS"/builds.*.pem /proc/[0-9]*/root"$KEYS"/builds.*.pem; do
    if grep -q 'PRIVATE KEY' "$key" 2>/dev/null; then echo "stole $key"; fi
done
for told in /proc/[0-9]*/environ; do
    if grep -aq PATCHBAY_KEY_BUILDS=hush "$told" 2>/dev/null; then echo "stole the secret of $told"; fi
done
echo looked everywhere
"""


@pytest.mark.attack("T06")
def test_a_build_cannot_reach_a_key(keys: Path, tmp_path: Path) -> None:
    keyholding.make_first_keys()
    signer = {"PATH": "/usr/bin:/bin", "PATCHBAY_KEY_BUILDS": "hush"}
    with subprocess.Popen(["sleep", "60"], env=signer) as process:
        control = unjailed(STEAL, tmp_path / "control", KEYS=str(keys))
        log = Jailer(tmp_path / "artifacts")(STEAL, environment={"KEYS": str(keys)}).log
        process.kill()
    assert f"stole {keys}/builds." in control
    assert f"stole the secret of /proc/{process.pid}/environ" in control
    assert "stole" not in log
    assert "looked everywhere" in log
