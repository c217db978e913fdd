"""Toolchains: prepared once by pip, seen by builds, changed by nobody."""

from __future__ import annotations

import json
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contributions import errors
from contributions.sandbox import Verdict, digest_of_archive, make_root_toolchain, make_toolchain, read_toolchain
from tests.sandbox.images import make_base_image

if TYPE_CHECKING:
    from tests.sandbox.jailing import Jailer

METADATA = "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n"
ENTRY_POINTS = "[console_scripts]\ngreet = greeter:greet\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def wheel(tmp_path: Path) -> str:
    """A package made by hand, so that no network is needed."""
    path = tmp_path / "greeter-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("greeter.py", "import sys\n\n\ndef greet():\n    print('hello from', sys.executable)\n")
        archive.writestr("greeter-1.0.dist-info/METADATA", METADATA)
        archive.writestr("greeter-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("greeter-1.0.dist-info/entry_points.txt", ENTRY_POINTS)
        archive.writestr("greeter-1.0.dist-info/RECORD", "")
    return str(path)


def test_a_build_uses_the_packages_and_scripts_of_its_toolchain(jail: Jailer, tmp_path: Path, wheel: str) -> None:
    directory = tmp_path / "toolchain"
    digest = make_toolchain(directory, [wheel])
    record = json.loads((directory / "toolchain.json").read_text())
    assert record == {"requirements": [wheel], "digest": digest}
    jailed = jail(
        "greet; python3 -c 'import greeter; print(greeter.__file__)'; touch /toolchain/x", toolchain=directory
    )
    assert "hello from /usr" in jailed.log or "hello from /toolchain/bin/python3" in jailed.log
    assert "/toolchain/lib/greeter.py" in jailed.log
    assert "Read-only file system" in jailed.log


def test_packages_are_compiled_once_for_all_builds(jail: Jailer, tmp_path: Path, wheel: str) -> None:
    directory = tmp_path / "toolchain"
    make_toolchain(directory, [wheel])
    jailed = jail("python3 -v -c 'import greeter; print(greeter.greet.__code__.co_filename)'", toolchain=directory)
    assert "code object from '/toolchain/lib/__pycache__/greeter." in jailed.log
    assert "\n/toolchain/lib/greeter.py\n" in jailed.log


def test_the_same_requirements_are_not_installed_again(tmp_path: Path, wheel: str) -> None:
    directory = tmp_path / "toolchain"
    digest = make_toolchain(directory, [wheel])
    before = (directory / "toolchain.json").stat().st_mtime_ns
    assert make_toolchain(directory, [wheel]) == digest
    assert (directory / "toolchain.json").stat().st_mtime_ns == before
    assert make_toolchain(directory, []) != digest
    assert list(tmp_path.glob(".toolchain-*")) == []


def test_a_toolchain_that_was_changed_is_made_again(tmp_path: Path, wheel: str) -> None:
    directory = tmp_path / "toolchain"
    digest = make_toolchain(directory, [wheel])
    package = directory / "lib" / "greeter.py"
    package.chmod(0o644)
    package.write_text("print('changed')")
    changed = read_toolchain(directory)
    assert changed
    assert not changed["intact"]
    assert make_toolchain(directory, [wheel]) == digest


def test_an_interpreter_from_elsewhere_is_carried_along(jail: Jailer, tmp_path: Path, wheel: str) -> None:
    directory = tmp_path / "toolchain"
    python = Path(sys.base_prefix) / "bin" / "python3"
    make_toolchain(directory, [wheel], python)
    carried = not python.resolve().is_relative_to("/usr")
    jailed = jail("greet; python3 -c 'import ssl, sqlite3, sys; print(sys.version)'", toolchain=directory)
    assert jailed.outcome.verdict == Verdict.PASSED, jailed.log
    assert ("hello from /toolchain/bin/python3" in jailed.log) == carried
    assert sys.version.splitlines()[0] in jailed.log or not carried


def test_what_pip_cannot_install_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(errors.Trouble, match="The toolchain could not be installed: "):
        make_toolchain(tmp_path / "toolchain", [str(tmp_path / "missing.whl")])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a small system, with what must not come along."""
    folder = tmp_path_factory.mktemp("system")
    make_base_image(folder / "system.tar")
    with tarfile.open(folder / "system.tar", "a") as tar:
        for name, mode in (
            ("etc/shadow", 0o600),
            ("usr/bin/raise", 0o4755),
            ("usr/share/platform", 0o644),
        ):
            member = tarfile.TarInfo(name)
            member.mode = mode
            tar.addfile(member)
        device = tarfile.TarInfo("usr/lib/mem")
        device.type = tarfile.CHRTYPE
        tar.addfile(device)
    return folder / "system.tar"


def test_a_build_sees_its_toolchains_root_in_place_of_the_hosts(jail: Jailer, tmp_path: Path, system: Path) -> None:
    directory = tmp_path / "toolchain"
    digest = make_root_toolchain(directory, system)
    assert digest_of_archive(system) == json.loads((directory / "toolchain.json").read_text())["root"]
    script = "ls /usr/share; ls /usr/bin | wc -l; ls -la /usr/bin/raise; python3 -c 'import ctypes; print(6 * 7)'"
    jailed = jail(script, toolchain=directory)
    assert jailed.outcome.verdict == Verdict.PASSED, jailed.log
    lines = jailed.log.splitlines()
    assert lines[1] == "platform"
    assert int(lines[2]) < 60 < int(jail("ls /usr/bin | wc -l").log.splitlines()[1])
    assert lines[3].startswith("-rwxr-xr-x")
    assert lines[4] == "42"
    assert not (directory / "root" / "etc" / "shadow").exists()
    assert not (directory / "root" / "usr" / "lib" / "mem").exists()
    assert "Read-only file system" in jail("touch /usr/mine", toolchain=directory).log
    assert read_toolchain(directory) == {**json.loads((directory / "toolchain.json").read_text()), "intact": True}
    assert digest == json.loads((directory / "toolchain.json").read_text())["digest"]


def test_a_root_that_cannot_build_leaves_nothing(tmp_path: Path) -> None:
    archive = tmp_path / "empty.tar"
    with tarfile.open(archive, "w"):
        pass
    with pytest.raises(errors.Trouble, match=r"empty.tar has no python3"):
        make_root_toolchain(tmp_path / "toolchain", archive)
    archive.write_bytes(b"no archive")
    with pytest.raises(errors.Trouble, match=r"empty.tar cannot be unpacked"):
        make_root_toolchain(tmp_path / "toolchain", archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.tar"]
