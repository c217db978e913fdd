"""A base image made of what this host has: sh, python3, git and the usual small programs, with their libraries."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import tarfile
from pathlib import Path

PROGRAMS = """
sh cat ls cp mv rm mkdir touch sleep head tail tr grep id env seq sort wc truncate nice ln chmod true false date cut
git python3 mknod stat uname printf setsid tee df find sed dirname basename
"""
PYTHON = Path("/usr/lib") / f"python{sysconfig.get_python_version()}"
GIT = Path("/usr/lib/git-core")
NOT_NEEDED = re.compile(r"/(test|__pycache__|config-[^/]*|idlelib|ensurepip)(/|$)")


def make_base_image(archive: Path) -> None:
    """Write the image's root file system as a tar archive."""
    found = [Path(path) for name in PROGRAMS.split() if (path := shutil.which(name, path="/usr/bin:/bin"))]
    found += [*found[0].parent.glob("python3.*[0-9]"), *PYTHON.glob("lib-dynload/*.so"), GIT / "git"]
    files = {file for program in found for file in _with_libraries(program)}
    with tarfile.open(archive, "w") as tar:
        for top in ("bin", "sbin", "lib", "lib64"):
            if Path("/", top).is_symlink():
                tar.add(f"/{top}", arcname=top)
        for file in sorted(set(map(_below_usr, files))):
            if not file.is_relative_to(PYTHON):
                tar.add(file, arcname=str(file)[1:], recursive=False)
        tar.add(PYTHON, arcname=str(PYTHON)[1:], filter=lambda entry: None if NOT_NEEDED.search(entry.name) else entry)


def _with_libraries(file: Path) -> set[Path]:
    needed = subprocess.run(["ldd", str(file.resolve())], capture_output=True, text=True, check=False).stdout
    libraries = {Path(path) for path in re.findall(r"(/\S+) \(0x", needed)}
    return {file, file.resolve(), *libraries, *(path.resolve() for path in libraries)}


def _below_usr(file: Path) -> Path:
    """/bin and /lib are links to /usr's on a merged host."""
    return Path("/usr") / file.relative_to("/") if Path("/", file.parts[1]).is_symlink() else file
