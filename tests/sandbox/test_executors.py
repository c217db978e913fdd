"""Every executor that is installed keeps the same promises and answers in the same words."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from contributions.checkout.sources import unpack_release
from contributions.sandbox import (
    EXECUTORS,
    Executor,
    Job,
    Network,
    Outcome,
    SandboxUnavailable,
    Step,
    Verdict,
    self_check,
)
from contributions.sandbox.engines import find_engine
from contributions.sandbox.launching import BUILD_UID
from tests.sandbox.images import make_base_image
from tests.sandbox.jailing import LIMITS, REPOSITORY, attack, processes_marked, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sandbox.conftest import Sources

IMAGE = "localhost/patchbay-tests:base"
# Without them podman asks for more than a confined root may have.
PLAIN = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
HOW_TO_INSTALL = "apt install podman, or docker with its daemon, to have the container executor tried as well."


@dataclass(frozen=True)
class Confined:
    """An installed executor with what its jobs need."""

    executor: Executor
    image: str
    directory: Path

    def __call__(
        self, script: str, keep_going: Callable[[], bool] = lambda: True, **given: object
    ) -> tuple[Outcome, str]:
        output: list[bytes] = []
        job = Job(**{"steps": (Step("build", script),), "limits": LIMITS, "image": self.image, **given})  # type: ignore[arg-type]
        self.directory.mkdir(parents=True, exist_ok=True)
        outcome = self.executor.run(job, on_output=output.append, keep_going=keep_going, artifacts_to=self.directory)
        return outcome, b"".join(output).decode(errors="backslashreplace")


@pytest.fixture(scope="session")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    archive = tmp_path_factory.mktemp("image") / "base.tar"
    make_base_image(archive)
    engine = find_engine()
    try:
        engine.ask("import", str(archive), IMAGE)
        engine.ask("run", "--rm", "--network", "none", *PLAIN, IMAGE, "/bin/true")
    except SandboxUnavailable as trouble:
        pytest.skip(f"{engine.name} is installed and cannot run anything here: {trouble.sentence}")
    return IMAGE


@pytest.fixture(params=sorted(EXECUTORS))
def confined(request: pytest.FixtureRequest, tmp_path: Path) -> Confined:
    executor = EXECUTORS[request.param](BUILD_UID)
    if lacking := executor.lacks():
        pytest.skip(f"{lacking} {HOW_TO_INSTALL}")
    image = request.getfixturevalue("base_image") if request.param == "container" else ""
    return Confined(executor, image, tmp_path / "artifacts")


@pytest.mark.attack("S39")
def test_every_essential_promise_is_held(confined: Confined) -> None:
    promises = self_check(confined.executor, confined.image)
    assert [promise for promise in promises if promise.breaks_builds] == []
    assert len(promises) == 41


def test_a_commit_is_built_and_its_artifacts_come_home(confined: Confined, sources: Sources) -> None:
    script = "./program.sh | tee out.txt; git describe --tags; pwd; id -u; echo $SOURCE_DATE_EPOCH"
    outcome, log = confined(script, sources=sources.repository, commit=sources.commit, artifact_patterns=("*.txt",))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.PASSED, 0), log
    assert log.splitlines()[1:-1] == ["hello", "1.0", "/build/tree", "1000", "1580674820"]
    (artifact,) = outcome.artifacts
    assert (artifact.name, artifact.path.read_text()) == ("out.txt", "hello\n")


def test_steps_run_up_to_the_first_that_fails(confined: Confined) -> None:
    outcome, log = confined("", steps=(Step("build", "echo one"), Step("test", "exit 3"), Step("pack", "echo never")))
    assert (outcome.verdict, outcome.step, outcome.exit_code) == (Verdict.FAILED, "test", 3)
    assert [(end.name, end.exit_code) for end in outcome.steps] == [("build", 0), ("test", 3)]
    assert "never" not in log


def test_the_environment_is_the_recipes_alone(confined: Confined) -> None:
    _, log = confined("env | sort", environment={"COLOUR": "blue"})
    names = [line.partition("=")[0] for line in log.splitlines()[1:-1]]
    assert names == ["COLOUR", "HOME", "LANG", "PATH", "PWD", "SOURCE_DATE_EPOCH", "TMPDIR"]


def test_what_one_job_prepares_another_reads(confined: Confined, tmp_path: Path) -> None:
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    outcome, log = confined("echo kept > /prepared/file", output=prepared)
    assert outcome.verdict == Verdict.PASSED, log
    assert (prepared / "file").stat().st_uid == (BUILD_UID if os.geteuid() == 0 else os.geteuid())
    _, log = confined("cat /prepared/file; echo more > /prepared/file", prepared=prepared)
    assert "kept\n" in log
    assert "Read-only file system" in log


def test_a_tree_is_laid_over_a_release_that_was_unpacked_once(
    confined: Confined, sources: Sources, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    owner = BUILD_UID if os.geteuid() == 0 else None
    unpack_release(sources.repository, sources.commit, base, owner=owner)
    script = "./program.sh; git status --short; git log --format=%s; echo changed > program.sh"
    outcome, log = confined(script, base=base, commit=sources.commit)
    assert log.splitlines()[1:-1] == ["hello", "Say hello."], outcome.sentence
    assert "hello" in (base / "tree" / "program.sh").read_text()


def test_a_job_with_a_network_goes_by_the_proxy_alone(confined: Confined) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=_answer_once, args=[server])
        thread.start()
        reach = f"import urllib.request as u; print(u.urlopen('http://files.test:{port}/', timeout=9).read())"
        direct = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        _, log = confined(
            f'python3 -c "{direct}" || echo no other way\npython3 -c "{reach}"',
            network=Network(hosts=(f"files.test:{port}=127.0.0.1",)),
        )
        thread.join()
    assert "no other way" in log
    assert "b'hello'" in log


def _answer_once(server: socket.socket) -> None:
    server.settimeout(30)
    end, _ = server.accept()
    with end:
        end.recv(4096)
        end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("memory_hog.py", "memory limit of 192 MB"),
        ("many_children.py", "limit of 64 processes"),
        ("log_flood.sh", "log limit of 64 MB"),
    ],
)
def test_the_limit_that_was_met_is_named(confined: Confined, script: str, words: str) -> None:
    outcome, log = confined(attack(script))
    assert outcome.verdict == Verdict.FAILED, log
    assert outcome.limit, log
    assert outcome.limit.words == words


def test_a_build_that_will_not_end_is_ended_with_all_it_started(confined: Confined, mark: str) -> None:
    outcome, _ = confined(attack("will_not_end.sh"), environment={"MARK": mark}, limits=replace(LIMITS, wall_seconds=2))
    assert outcome.sentence == "Step “build” was ended at the time limit of 2 seconds."
    assert processes_marked(mark) == []


def test_a_worker_that_lost_its_lease_ends_the_build(confined: Confined, mark: str) -> None:
    begun = time.monotonic()
    outcome, _ = confined(f"sleep {mark}", keep_going=lambda: time.monotonic() - begun < 2)
    assert outcome.verdict == Verdict.STOPPED
    assert processes_marked(mark) == []


def test_who_kills_everyone_fails_alone(confined: Confined) -> None:
    outcome, _ = confined(attack("kill_everyone.sh"), artifact_patterns=("dist/*",))
    assert (outcome.verdict, outcome.artifacts) == (Verdict.FAILED, ())
    assert confined("echo next")[0].verdict == Verdict.PASSED


def test_two_builds_at_once_do_not_meet(confined: Confined) -> None:
    """Both take the same port and the same names, and stay until the other has had the time to do so, too."""
    meet = """
python3 - <<'END'
import socket, time
server = socket.create_server(("127.0.0.1", 8000))
for place in ("/tmp/mine", "/dev/shm/mine", "/build/home/mine"):
    open(place, "x").close()
time.sleep(2)
END
"""
    with ThreadPoolExecutor() as pool:
        met = list(pool.map(lambda n: replace(confined, directory=confined.directory / n)(meet), ("one", "two")))
    assert [outcome.verdict for outcome, _ in met] == [Verdict.PASSED] * 2, met


def test_what_it_was_is_told_for_the_record(confined: Confined) -> None:
    facts = confined.executor.describe(LIMITS, confined.image)
    assert facts["executor"] == confined.executor.name
    assert facts["version"]
    assert facts["user"] not in {0, None}
    assert len(str(facts["seccomp"])) == 64
    assert facts["limits"] == {**vars(LIMITS), "files": 64 * 256}


@pytest.mark.attack("F01")
def test_when_the_worker_is_killed_its_build_dies_too(confined: Confined, tmp_path: Path, mark: str) -> None:
    worker = f"""
import pathlib, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from contributions.sandbox import EXECUTORS, Job, Step
EXECUTORS[{confined.executor.name!r}]({BUILD_UID}).run(
    Job(steps=(Step("build", "sleep {mark}"),), image={confined.image!r}),
    on_output=lambda data: None, keep_going=lambda: True, artifacts_to=pathlib.Path({str(tmp_path)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", worker]) as process:
        assert wait_until(lambda: processes_marked(f"sleep\0{mark}"), 20)
        process.kill()
        assert wait_until(lambda: not processes_marked(f"sleep\0{mark}"))


def test_a_missing_image_is_our_trouble(confined: Confined) -> None:
    if confined.executor.name != "container":
        assert confined("true", image="localhost/nowhere:1")[0].verdict == Verdict.PASSED
        return
    with pytest.raises(SandboxUnavailable, match="nowhere"):
        confined("true", image="localhost/nowhere:1")
    with pytest.raises(SandboxUnavailable, match="PATCHBAY_IMAGE name none"):
        confined("true", image="")
