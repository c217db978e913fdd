"""The site's own secret: made once, kept in one file that only its owner reads."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from portal.environment import UnusableSetting

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = 50  # characters, below which Django's own check calls a key weak


def secret_key(file: Path) -> str:
    """The key kept in `file`, made on the first call; of several first callers one makes it and all use it."""
    try:
        if not file.exists():
            _write_once(file, secrets.token_urlsafe(64))
        key = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as problem:
        raise UnusableSetting(f"The secret key cannot be kept: {problem}. Set PATCHBAY_SECRET_KEY.") from None
    if len(key) < SHORTEST:
        raise UnusableSetting(f"{file} holds no usable key; remove it to have a new one made.")
    return key


def _write_once(file: Path, key: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as open_draft:
            open_draft.write(key)
        os.link(draft, file)  # fails when somebody was first, and then theirs is the key
    except FileExistsError:
        return
    finally:
        draft.unlink()
