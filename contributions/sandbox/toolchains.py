"""Prepares a toolchain: a read-only directory of tools that builds see at /toolchain.

This is an operator's act. It runs pip outside the jail, with the operator's own pip configuration, on packages that
the operator chose; nothing of a contribution takes part in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from contributions import errors

_RECORD = "toolchain.json"
_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
_IN_THE_JAIL = "/toolchain/bin/python3"
_SECONDS_FOR_PIP = 900


def make_toolchain(directory: Path, requirements: list[str], python: Path | None = None) -> str:
    """Install the requirements for the jail's python3 and put them in place at once; answers the digest.

    lib/ holds the packages, bin/ their scripts, toolchain.json the requirements and the digest. `python` is copied in
    when the jail has no other; without it the system's python3 is used, and where there is none, the one running us.
    An existing directory is replaced, except when it was made of the same requirements already.
    """
    existing = read_toolchain(directory)
    if existing and existing["requirements"] == requirements and existing["intact"]:
        return str(existing["digest"])
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as scratch:
        made = Path(scratch) / "toolchain"
        _fill(made, requirements, python)
        digest = write_record(made, requirements)
        open_for_reading(made)
        put_in_place(made, directory, Path(scratch) / "old")
    return digest


def read_toolchain(directory: Path) -> dict[str, object] | None:
    """The record of a toolchain with "intact": whether its files are still the ones recorded; None without one."""
    try:
        record = json.loads((directory / _RECORD).read_text())
    except (OSError, ValueError):
        return None
    return {**record, "intact": record.get("digest") == digest_of(directory)}


def digest_of(directory: Path) -> str:
    """SHA-256 over the name, mode and content of each file, in order of the names."""
    whole = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.name == _RECORD or (path.is_dir() and not path.is_symlink()):
            continue
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        executable = not path.is_symlink() and bool(path.stat().st_mode & 0o100)
        head = f"{path.relative_to(directory)}\0{executable:d}\0{len(content)}\0"
        whole.update(head.encode(errors="surrogateescape") + content)
    return whole.hexdigest()


def _fill(made: Path, requirements: list[str], python: Path | None) -> None:
    made.mkdir()
    system = next((Path(path) for path in _SYSTEM_PYTHONS if Path(path).exists()), None)
    chosen = python or system or Path(sys.executable)
    _install(made / "lib", requirements, chosen)
    scripts = made / "lib" / "bin"
    (made / "bin").mkdir()
    if scripts.is_dir():
        for script in scripts.iterdir():
            shutil.move(script, made / "bin" / script.name)
        scripts.rmdir()
    _compile(made / "lib", chosen)
    inner = str(system)
    if system is None or not chosen.resolve().is_relative_to("/usr"):
        _copy_interpreter(chosen, made)
        inner = _IN_THE_JAIL
    for script in (made / "bin").iterdir():
        _point_at(script, inner)


def _install(target: Path, requirements: list[str], python: Path) -> None:
    """Our own pip installs for the other interpreter, which need not have one."""
    target.mkdir()
    if not requirements:
        return
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-compile", "--target", str(target), "--", *requirements]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS_FOR_PIP)
    except subprocess.CalledProcessError as problem:
        last = (problem.stderr.strip() or problem.stdout.strip() or "pip said nothing").splitlines()[-1]
        raise errors.Trouble(f"The toolchain could not be installed: {last}") from problem
    except subprocess.TimeoutExpired as problem:
        raise errors.Trouble("The toolchain could not be installed: pip took too long.") from problem


def _compile(library: Path, python: Path) -> None:
    """Byte code for every build to start from: nobody can write any there later.

    It is valid for ever and names the path that the jail sees, so that the same packages give the same digest. What
    does not compile (a template, a test of wrong syntax) is left as it is.
    """
    command = [str(python), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(library), "-p", "/toolchain/lib", str(library)]
    subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS_FOR_PIP)


def _copy_interpreter(python: Path, made: Path) -> None:
    """The interpreter with its standard library, found by Python from where its binary lies."""
    question = "import sys, sysconfig; print(sys.base_prefix); print(sysconfig.get_path('stdlib'))"
    answer = subprocess.run(
        [python, "-I", "-c", question], check=True, capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    base, library = Path(answer[0]), Path(answer[1])
    inner = made / library.relative_to(base)
    unneeded = shutil.ignore_patterns("__pycache__", "site-packages", "test", "idlelib", "tkinter", "config-*")
    shutil.copytree(library, inner, symlinks=True, ignore=unneeded, dirs_exist_ok=True)
    shutil.copy2((base / "bin" / "python3").resolve(), made / "bin" / "python3")
    for shared in (base / "lib").glob("libpython3*.so*"):
        shutil.copy2(shared, made / "lib" / shared.name, follow_symlinks=False)


def _point_at(script: Path, python: str) -> None:
    """Scripts start with the path of the interpreter they were installed for; in the jail it is another."""
    content = script.read_bytes()
    first, _, rest = content.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first and not script.is_symlink():
        script.write_bytes(b"#!" + python.encode() + b"\n" + rest)


def write_record(made: Path, requirements: list[str], **more: str) -> str:
    digest = digest_of(made)
    record = {"requirements": requirements, "digest": digest, **more}
    (made / _RECORD).write_text(json.dumps(record, indent=2) + "\n")
    return digest


def open_for_reading(made: Path) -> None:
    """Builds run as another user: all may read, nobody may write."""
    for path in [made, *made.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444)


def put_in_place(made: Path, directory: Path, old: Path) -> None:
    if directory.exists():
        directory.rename(old)
    made.rename(directory)
