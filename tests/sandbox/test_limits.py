"""Attacks on the machine's resources: each is ended by a limit that the outcome names, and leaves nothing behind."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from contributions.sandbox import Job, Limits, Step, Verdict, run
from contributions.sandbox.cgroups import make_fence
from tests.sandbox.jailing import LIMITS, Jailer, attack, processes_marked, unjailed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.attack("S01")
def test_a_fork_bomb_is_held(jail: Jailer) -> None:
    slowest, done = 0.0, threading.Event()

    def watch_the_host() -> None:
        nonlocal slowest
        while not done.wait(0.05):
            begun = time.monotonic()
            unjailed("true", jail.directory)
            slowest = max(slowest, time.monotonic() - begun)

    watching = threading.Thread(target=watch_the_host)
    watching.start()
    jailed = jail(attack("fork_bomb.sh"), limits=Limits(wall_seconds=3, processes=64, memory_mb=192))
    done.set()
    watching.join()
    assert jailed.outcome.seconds < 15
    assert slowest < 5


@pytest.mark.attack("S01")
def test_processes_are_bounded(jail: Jailer, tmp_path: Path) -> None:
    script = attack("many_children.py")
    assert "has 300 children" in unjailed(script, tmp_path / "control")
    jailed = jail(script)
    stopped = re.search(r"stopped at (\d+) children: Resource temporarily unavailable", jailed.log)
    assert stopped
    assert 50 <= int(stopped[1]) <= 70
    assert jailed.outcome.sentence == "Step “build” ended with exit code 1 at the limit of 64 processes."


@pytest.mark.attack("S03")
def test_the_memory_of_one_process_is_bounded(jail: Jailer, tmp_path: Path) -> None:
    script = attack("memory_hog.py")
    assert "holds 400 MB" in unjailed(script, tmp_path / "control")
    outcome = jail(script).outcome
    assert outcome.verdict == Verdict.FAILED
    assert outcome.limit
    assert outcome.limit.words == "memory limit of 192 MB"


@pytest.mark.attack("S04")
def test_the_memory_of_many_processes_is_bounded_together(jail: Jailer, tmp_path: Path) -> None:
    script = attack("memory_herd.py")
    assert "10 were fed, 0 were killed" in unjailed(script, tmp_path / "control")
    outcome = jail(script).outcome
    assert outcome.verdict == Verdict.FAILED
    assert outcome.limit
    assert outcome.limit.name == "memory"


def test_hidden_memory_is_bounded_or_refused(jail: Jailer, tmp_path: Path) -> None:
    script = attack("hidden_memory.py")
    assert "hides 400 MB" in unjailed(script, tmp_path / "control")
    jailed = jail(script)
    assert jailed.outcome.verdict == Verdict.FAILED
    if _kernel_counts_memory():
        assert jailed.outcome.limit
        assert jailed.outcome.limit.name == "memory"
    else:
        assert "Function not implemented" in jailed.log


def _kernel_counts_memory() -> bool:
    fence = make_fence(LIMITS)
    fence.remove()
    return fence.holds("memory")


@pytest.mark.attack("S06")
def test_the_disk_is_bounded_in_every_place(jail: Jailer, tmp_path: Path) -> None:
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    limits = Limits(wall_seconds=20, memory_mb=512, disk_mb=64, file_mb=300)
    jailed = jail(attack("disk_filler.sh"), limits=limits, prepared=prepared)
    taken = {place: int(size) for place, size in re.findall(r"^(\S+) took (\d+)$", jailed.log, re.MULTILINE)}
    megabyte = 1 << 20
    assert {place: round(size / megabyte) for place, size in taken.items() if size} == {
        "/tmp": 64,  # noqa: S108 - in the jail
        "/var/tmp": 64,  # noqa: S108 - in the jail
        "/build": 64,
        "/build/home": 64,
        "/dev/shm": 16,  # noqa: S108 - in the jail
    }
    assert len(taken) == 14


@pytest.mark.attack("S06")
def test_a_full_disk_is_named(jail: Jailer, tmp_path: Path) -> None:
    script = "head -c 80M /dev/zero > filler"
    assert unjailed(script, tmp_path / "control") == ""
    jailed = jail(script)
    assert "No space left on device" in jailed.log
    assert jailed.outcome.sentence == "Step “build” ended with exit code 1 at the disk limit of 64 MB."


def test_a_file_that_is_too_large_is_named(jail: Jailer, tmp_path: Path) -> None:
    script = "truncate -s 200M sparse && echo made it"
    assert "made it" in unjailed(script, tmp_path / "control")
    outcome = jail(script).outcome
    assert outcome.sentence == "Step “build” ended with exit code 153 at the limit of 96 MB for one file."


def test_the_number_of_files_is_bounded(jail: Jailer, tmp_path: Path) -> None:
    script = attack("tiny_files.py")
    assert "made them all" in unjailed(script.replace("200_000", "3_000"), tmp_path / "control")
    outcome = jail(script, limits=Limits(disk_mb=8)).outcome
    assert outcome.verdict == Verdict.FAILED
    assert outcome.limit
    assert outcome.limit.words == "limit of 2048 files"


@pytest.mark.attack("S09")
def test_a_flood_of_output_is_cut_and_ended(jail: Jailer) -> None:
    jailed = jail(attack("log_flood.sh"))
    assert jailed.outcome.verdict == Verdict.FAILED
    assert jailed.outcome.limit
    assert jailed.outcome.limit.words == "log limit of 64 MB"
    assert jailed.outcome.log_bytes > 64 << 20
    assert len(jailed.log) < LIMITS.log_bytes + 100
    assert " bytes of output were cut here ...]" in jailed.log


@pytest.mark.attack("S12")
def test_a_build_that_will_not_end_is_ended_in_time(jail: Jailer, mark: str) -> None:
    limits = Limits(wall_seconds=1)
    outcome = jail(attack("will_not_end.sh"), environment={"MARK": mark}, limits=limits).outcome
    assert processes_marked(mark) == []
    assert outcome.verdict == Verdict.TIMED_OUT
    assert outcome.sentence == "Step “build” was ended at the time limit of 1 seconds."
    assert outcome.seconds < 15


def test_a_build_that_says_nothing_is_ended(jail: Jailer, mark: str) -> None:
    outcome = jail(f"echo one last word; sleep {mark}", limits=Limits(idle_seconds=1)).outcome
    assert outcome.verdict == Verdict.TIMED_OUT
    assert outcome.sentence == "Step “build” was ended at the limit of 1 seconds without output."
    assert processes_marked(mark) == []


def test_a_build_that_stops_itself_is_ended_in_time(jail: Jailer) -> None:
    outcome = jail(attack("stop_itself.sh"), limits=Limits(wall_seconds=1)).outcome
    assert (outcome.verdict, outcome.step) == (Verdict.TIMED_OUT, "build")


def test_a_daemon_does_not_outlive_its_build(jail: Jailer, tmp_path: Path, mark: str) -> None:
    script = attack("daemon.py")
    jailed = jail(script, environment={"MARK": mark})
    assert processes_marked(mark) == []
    assert "left a daemon behind" in jailed.log
    assert jailed.outcome.verdict == Verdict.PASSED, "its daemon is not waited for"
    unjailed(f"exec > /dev/null 2>&1\n{script}", tmp_path / "control", MARK=mark)
    left = processes_marked(mark)
    assert left
    unjailed(f"kill -9 {' '.join(left)}", tmp_path / "control")


@pytest.mark.attack("S15")
def test_who_kills_everyone_fails_alone(jail: Jailer) -> None:
    jailed = jail(attack("kill_everyone.sh"), artifact_patterns=("dist/*",))
    assert jailed.outcome.verdict == Verdict.FAILED
    assert jailed.outcome.sentence == "Step “build” ended the program that ran it."
    assert jailed.outcome.artifacts == ()
    assert jail("echo next", limits=LIMITS).outcome.verdict == Verdict.PASSED


def test_a_worker_that_lost_its_lease_ends_the_build(tmp_path: Path, mark: str) -> None:
    asked: list[float] = []

    def keep_going() -> bool:
        asked.append(time.monotonic())
        return len(asked) < 2

    outcome = run(
        Job(steps=(Step("build", f"sleep {mark}"),), limits=LIMITS),
        on_output=lambda _: None,
        keep_going=keep_going,
        artifacts_to=tmp_path,
    )
    assert (outcome.verdict, outcome.sentence) == (Verdict.STOPPED, "The build was stopped.")
    assert 0.5 < asked[1] - asked[0] < 8, "a second, on a machine that has the time"
    assert processes_marked(mark) == []


def test_a_reader_that_fails_ends_the_build(tmp_path: Path, mark: str) -> None:
    def fail(_: bytes) -> None:
        raise RuntimeError("the log cannot be stored")

    with pytest.raises(RuntimeError, match="the log cannot be stored"):
        run(
            Job(steps=(Step("build", f"echo; sleep {mark}"),), limits=LIMITS),
            on_output=fail,
            keep_going=lambda: True,
            artifacts_to=tmp_path,
        )
    assert processes_marked(mark) == []


def test_processor_time_is_shared_out(jail: Jailer) -> None:
    """Eight loops get the time of half a processor where the kernel can count it, and stand behind others anyway."""
    spin = "import time; end = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
    loops = f'nice\nfor n in 1 2 3 4 5 6 7 8; do python3 -c "{spin}" & done; wait'
    log = jail(loops, limits=Limits(wall_seconds=10, cpus=0.5)).log
    assert log.splitlines()[1] == "10"
    fence = make_fence(LIMITS)
    fence.remove()
    if fence.holds("cpu"):
        assert sum(map(float, re.findall(r"^\d+\.\d+$", log, re.MULTILINE))) < 1.5
