"""Control groups of both versions; the second is read from a tree of files like the one that the kernel shows."""

from __future__ import annotations

from pathlib import Path

from contributions.sandbox import Limits
from contributions.sandbox.cgroups import Fence, make_fence, make_groups, read_hierarchies

LIMITS = Limits(memory_mb=100, processes=10, cpus=0.5)


def test_the_groups_of_this_host_come_and_go() -> None:
    fence = make_fence(LIMITS)
    try:
        assert all(directory.is_dir() for directory in fence.directories)
        assert not fence.ran_out_of_memory()
        assert not fence.ran_out_of_processes()
    finally:
        fence.remove()
    assert not any(directory.exists() for directory in fence.directories)


def test_groups_left_by_a_killed_worker_are_swept_away() -> None:
    fence = make_fence(LIMITS)
    try:
        nobody = next(pid for pid in range(4_000_000, 5_000_000) if not Path(f"/proc/{pid}").exists())
        left = [directory.with_name(f"patchbay-{nobody}-0") for directory in fence.directories]
        for directory in left:
            directory.mkdir()
        make_fence(LIMITS).remove()
        assert not any(directory.exists() for directory in left)
        assert all(directory.exists() for directory in fence.directories)
    finally:
        fence.remove()


def second_version(tmp_path: Path, handed_down: str) -> tuple[int, dict[str, Path]]:
    (tmp_path / "service" / "worker").mkdir(parents=True)
    for group, controllers in ((tmp_path, "cpu memory pids"), (tmp_path / "service", handed_down)):
        (group / "cgroup.subtree_control").write_text(controllers + "\n")
    (tmp_path / "service" / "worker" / "cgroup.subtree_control").write_text("\n")
    mounts = [f"30 24 0:26 / {tmp_path} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"]
    return read_hierarchies(mounts, ["0::/service/worker"])


def test_the_second_version_uses_the_nearest_group_that_hands_down(tmp_path: Path) -> None:
    version, parents = second_version(tmp_path, "memory pids")
    assert (version, parents) == (2, {"memory": tmp_path / "service", "pids": tmp_path / "service"})


def test_the_second_version_falls_back_to_the_root(tmp_path: Path) -> None:
    version, parents = second_version(tmp_path, "")
    assert (version, set(parents.values()), set(parents)) == (2, {tmp_path}, {"memory", "pids", "cpu"})


def test_the_second_version_is_set_and_read(tmp_path: Path) -> None:
    version, parents = second_version(tmp_path, "memory pids cpu")
    fence = make_groups(version, parents, LIMITS)
    (group,) = fence.directories
    assert group.parent == tmp_path / "service"
    assert (group / "memory.max").read_text() == str(100 << 20)
    assert (group / "cpu.max").read_text() == "50000 100000"
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 1\noom_group_kill 1\n")
    (group / "pids.events").write_text("max 0\n")
    assert (fence.ran_out_of_memory(), fence.ran_out_of_processes()) == (True, False)


def test_no_hierarchy_is_no_fence() -> None:
    assert make_groups(2, {}, LIMITS) == Fence()
    assert read_hierarchies([], []) == (2, {})
