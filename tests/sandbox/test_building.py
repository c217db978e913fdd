"""What an honest build can count on."""

from __future__ import annotations

import hashlib
import os
import resource
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contributions import errors
from contributions.sandbox import Job, Limits, Step, Verdict, run
from tests.sandbox.jailing import LIMITS, Jailer, attack, unjailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sandbox.conftest import Sources

PACK = """
mkdir dist
python3 - <<'END'
import os, time, zipfile
date = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
with zipfile.ZipFile("dist/hello.zip", "w") as archive:
    archive.writestr(zipfile.ZipInfo("program.sh", date), open("program.sh").read())
END
"""


@pytest.mark.parametrize("kind", ["repository", "bundle"])
def test_a_commit_is_checked_out_as_a_work_tree(jail: Jailer, sources: Sources, kind: str) -> None:
    script = "git status --short; git describe --tags; git log --format=%s; ./link; echo $SOURCE_DATE_EPOCH; pwd"
    jailed = jail(script, sources=getattr(sources, kind), commit=sources.commit)
    assert jailed.log.splitlines()[1:-1] == ["1.0", "Say hello.", "hello", "1580674820", "/build/tree"]
    assert jailed.outcome.verdict == Verdict.PASSED


def test_hooks_and_filters_of_the_sources_are_not_run(jail: Jailer, sources: Sources) -> None:
    hook = sources.repository / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho HOOKED\n")
    hook.chmod(0o755)
    with (sources.repository / "config").open("a") as config:
        config.write('[filter "lfs"]\n\tsmudge = echo FILTERED\n[core]\n\tfsmonitor = echo MONITORED\n')
    log = jail("git status --short", sources=sources.repository, commit=sources.commit).log
    assert "ED\n" not in log


def test_a_commit_that_is_not_there_is_our_own_fault(jail: Jailer, sources: Sources) -> None:
    outcome = jail("true", sources=sources.repository, commit="0" * 40).outcome
    assert outcome.verdict == Verdict.ERRORED
    assert outcome.sentence == "The commit could not be checked out in the sandbox."


def test_a_tree_too_large_for_the_disk_is_the_builds_fault(jail: Jailer, sources: Sources) -> None:
    limits = replace(LIMITS, disk_mb=1)
    (sources.repository / "filler").write_bytes(os.urandom(3 << 20))
    script = "GIT_CONFIG_GLOBAL=/dev/null; cat /source.git/filler > copy"
    outcome = jail(script, sources=sources.repository, commit=sources.commit, limits=limits).outcome
    assert outcome.limit
    assert outcome.limit.words == "disk limit of 1 MB"


def test_sources_cannot_be_changed(jail: Jailer, sources: Sources) -> None:
    jailed = jail("touch /source.git/mine", sources=sources.repository, commit=sources.commit)
    assert "Read-only file system" in jailed.log
    assert jailed.outcome.exit_code == 1


def test_inputs_below_a_closed_directory_are_reached(jail: Jailer, sources: Sources, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert jail("./program.sh", sources=sources.repository, commit=sources.commit).outcome.verdict == Verdict.PASSED


def test_inputs_that_are_closed_themselves_are_our_trouble(jail: Jailer, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    if os.geteuid() == 0:
        with pytest.raises(errors.Trouble, match="input closed is closed to the build user"):
            jail("true", prepared=closed)
    with pytest.raises(errors.Trouble, match="input missing cannot be read: No such file"):
        jail("true", prepared=tmp_path / "missing")


def test_steps_run_in_order_up_to_the_first_that_fails(jail: Jailer) -> None:
    steps = (Step("build", "echo one"), Step("test", "false; echo not this"), Step("pack", "echo nor this"))
    jailed = jail("", steps=steps)
    assert jailed.log.splitlines()[:4] == ["==> build", "one", jailed.log.splitlines()[2], "==> test"]
    assert "nor this" not in jailed.log
    assert "not this" not in jailed.log
    assert [(end.name, end.exit_code) for end in jailed.outcome.steps] == [("build", 0), ("test", 1)]
    assert (jailed.outcome.verdict, jailed.outcome.step, jailed.outcome.exit_code) == (Verdict.FAILED, "test", 1)
    assert jailed.outcome.sentence == "Step “test” ended with exit code 1."
    assert jailed.outcome.limit is None


def test_output_comes_as_it_is_written(tmp_path: Path) -> None:
    heard = threading.Event()

    def listen(data: bytes) -> None:
        if b"first" in data:
            heard.set()

    job = Job(steps=(Step("build", "echo first; sleep 60"),), limits=Limits(wall_seconds=60))
    outcome = run(job, on_output=listen, keep_going=lambda: not heard.is_set(), artifacts_to=tmp_path)
    assert outcome.verdict == Verdict.STOPPED
    assert outcome.seconds < 20


def test_output_may_be_opened_by_its_device(jail: Jailer) -> None:
    log = jail("echo out > /dev/stdout; echo err > /dev/stderr; echo tee | tee /dev/stderr").log
    assert log.splitlines()[1:-1] == ["out", "err", "tee", "tee"]


def test_artifacts_come_home_with_their_digest(jail: Jailer) -> None:
    script = "mkdir -p dist/sub; printf hello > dist/a.txt; printf x > dist/sub/b.bin; head -c 5M /dev/zero > dist/c"
    outcome = jail(script, artifact_patterns=("dist/*.txt", "**/b.*", "dist/c")).outcome
    assert [(artifact.name, artifact.filename, artifact.size) for artifact in outcome.artifacts] == [
        ("dist/a.txt", "a.txt", 5),
        ("dist/c", "c", 5 << 20),
        ("dist/sub/b.bin", "b.bin", 1),
    ]
    for artifact in outcome.artifacts:
        assert hashlib.sha256(artifact.path.read_bytes()).hexdigest() == artifact.sha256


def test_a_build_without_the_artifacts_it_promised_failed(jail: Jailer) -> None:
    outcome = jail("echo hello > readme", artifact_patterns=("dist/*.whl",)).outcome
    assert outcome.verdict == Verdict.FAILED
    assert outcome.sentence == "Every step passed, but no file matched the artifact patterns."


def test_a_build_whose_only_artifact_is_refused_failed(jail: Jailer) -> None:
    outcome = jail("truncate -s 9M large", artifact_patterns=("large",)).outcome
    assert outcome.verdict == Verdict.FAILED
    reason = "large: it is over the limit of 8 MB for one artifact"
    assert outcome.sentence == f"Every step passed, but no artifact could be taken: {reason}."
    assert outcome.limit
    assert outcome.limit.words == "limit of 8 MB for one artifact"


def test_more_artifacts_than_allowed_are_left_out_and_said(jail: Jailer) -> None:
    limits = replace(LIMITS, artifacts=3)
    outcome = jail("touch 1 2 3 4 5", artifact_patterns=("*",), limits=limits).outcome
    assert [artifact.name for artifact in outcome.artifacts] == ["1", "2", "3"]
    assert [refused.reason for refused in outcome.refused] == ["it is over the limit of 3 artifacts"] * 2


def test_what_one_job_prepares_another_reads(jail: Jailer, tmp_path: Path) -> None:
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    assert jail("echo kept > /prepared/file", output=prepared).outcome.verdict == Verdict.PASSED
    jailed = jail("cat /prepared/file; echo more > /prepared/file", prepared=prepared)
    assert "kept\n" in jailed.log
    assert "Read-only file system" in jailed.log


def test_what_is_prepared_is_bounded_too(jail: Jailer, tmp_path: Path) -> None:
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    script = "for n in 1 2 3 4; do head -c 30M /dev/zero > /prepared/$n; done; sleep 50"
    limits = replace(LIMITS, wall_seconds=60, idle_seconds=60)
    outcome = jail(script, output=prepared, limits=limits).outcome
    assert outcome.limit
    assert outcome.limit.words == "disk limit of 64 MB"
    assert outcome.seconds < 30, "the sleep is not waited for"


def test_the_environment_is_what_the_recipe_says_and_no_more(jail: Jailer) -> None:
    log = jail("env | sort", environment={"PBR_VERSION": "1.0+patchbay.7", "LANG": "C"}).log
    names = [line.partition("=")[0] for line in log.splitlines()[1:-1]]
    assert names == ["HOME", "LANG", "PATH", "PBR_VERSION", "PWD", "SOURCE_DATE_EPOCH", "TMPDIR"]
    assert "PBR_VERSION=1.0+patchbay.7" in log
    assert "LANG=C\n" in log


@pytest.mark.attack("S35")
def test_two_builds_at_once_share_nothing(tmp_path: Path) -> None:
    meet = """
python3 - <<'END'
import os, socket, time
server = socket.create_server(("127.0.0.1", 8000))
for place in ("/tmp/mine", "/dev/shm/mine", "/build/home/mine"):
    open(place, "x").close()
time.sleep(1)
print("saw", sorted(int(pid) for pid in os.listdir("/proc") if pid.isdigit()))
END
"""
    seen: dict[int, str] = {}
    outcomes = {}

    def build(number: int, script: str) -> None:
        directory = tmp_path / str(number)
        directory.mkdir()
        output: list[bytes] = []
        job = Job(steps=(Step("build", script),), limits=LIMITS)
        outcomes[number] = run(job, on_output=output.append, keep_going=lambda: True, artifacts_to=directory)
        seen[number] = b"".join(output).decode(errors="replace")

    scripts = [meet, meet, attack("fork_bomb.sh")]
    threads = [threading.Thread(target=build, args=pair) for pair in enumerate(scripts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in (0, 1):
        assert outcomes[number].verdict == Verdict.PASSED, seen[number]
        assert len(seen[number].splitlines()[1].split(",")) == 4, "process 1, our program, the shell and python3"


@pytest.mark.attack("S36")
def test_after_a_hostile_build_an_honest_one_is_the_same_to_the_bit(jail: Jailer, sources: Sources) -> None:
    given = {"sources": sources.repository, "commit": sources.commit}
    digests = []
    for attacker in ("deface.sh", "disk_filler.sh"):
        honest = Jailer(jail.directory.with_name(attacker))
        outcome = honest(PACK, artifact_patterns=("dist/*",), **given).outcome
        digests.append([artifact.sha256 for artifact in outcome.artifacts])
        jail(attack(attacker), environment={"CANARY": "/nonexistent"}, **given)
    again = Jailer(jail.directory.with_name("again"))(PACK, artifact_patterns=("dist/*",), **given).outcome
    digests.append([artifact.sha256 for artifact in again.artifacts])
    assert digests[0] == digests[1] == digests[2]
    assert len(digests[0]) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"steps": ()}, "A job needs at least one step."),
        ({"artifact_patterns": ("../x",)}, "The artifact pattern '../x' leaves the work tree."),
        ({"artifact_patterns": ("/etc/*",)}, "The artifact pattern '/etc/*' leaves the work tree."),
        ({"environment": {"A=B": "c"}}, "'A=B' cannot be set in a build's environment."),
        ({"environment": {"A": "c\0d"}}, "'A' cannot be set in a build's environment."),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        Job(**{"steps": (Step("build", "true"),), **given})  # type: ignore[arg-type]
    assert refused.value.sentence == sentence


def test_limits_of_nothing_are_refused() -> None:
    with pytest.raises(errors.Invalid, match="The limit memory_mb must be above zero"):
        Limits(memory_mb=0)


def test_what_the_hosts_administrator_installed_is_not_there(jail: Jailer, tmp_path: Path) -> None:
    """Packages and programs beside the system's own; the control sees whatever this host has of them."""
    script = "ls /usr/lib/python3/dist-packages /usr/local | grep -v : | grep -c . || true"
    assert int(unjailed(script, tmp_path / "control")) > 0, "the control needs a host with packages or /usr/local/bin"
    assert jail(script).log.splitlines()[1] == "0"
    assert "Read-only file system" in jail("touch /usr/local/mine").log
    assert jail("git --version; python3 -c 'import json, ctypes, ssl, venv'").outcome.verdict == Verdict.PASSED


@pytest.mark.attack("S40")
def test_a_jail_costs_no_quarter_of_a_second(jail: Jailer, tmp_path: Path) -> None:
    """In processor time, beside the bare shell: what a busy host makes of it, bench/sandbox.py measures."""

    def cost(act: Callable[[], object]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        act()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    bare = sorted(cost(lambda: unjailed("true", tmp_path / "control")) for _ in range(20))
    jailed = sorted(cost(lambda: jail("true")) for _ in range(20))
    assert 0 < jailed[18] - bare[18] <= 0.25
