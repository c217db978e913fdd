"""Reading settings from the environment: each value checked, each mistake told in one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "PATCHBAY_"
HOST = re.compile(r"(\*|(\*\.)?[\w-]+(\.[\w-]+)*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(=[0-9A-Fa-f:.]+)?", re.ASCII)
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})


class UnusableSetting(SystemExit):
    """The environment cannot be used; leaving the program prints this one sentence and nothing else."""


class Environment:
    """The settings in `values` (as in `os.environ`), remembered by name as they are asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self.asked.add(name)
        value = self._values.get(name, "").strip()
        if "\0" in value or "\n" in value:
            raise UnusableSetting(f"{name} must be a single line.")
        return value or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        word = self.text(name, "1" if default else "0").lower()
        if word not in YES | NO:
            raise UnusableSetting(f"{name} must be 1 or 0, not “{word}”.")
        return word in YES

    def number(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        word = self.text(name, str(default))
        if not re.fullmatch(r"\d{1,18}", word, re.ASCII):
            raise UnusableSetting(f"{name} must be a whole number, not “{word}”.")
        value = int(word)
        if value < least or (most is not None and value > most):
            reach = f"at least {least}" if most is None else f"from {least} to {most}"
            raise UnusableSetting(f"{name} must be {reach}, not {value}.")
        return value

    def directory(self, name: str, default: Path) -> Path:
        path = Path(self.text(name, str(default))).expanduser()
        if not path.is_absolute():
            raise UnusableSetting(f"{name} must be a path from the root, not “{path}”.")
        return path

    def words(self, name: str, default: Iterable[str] = ()) -> list[str]:
        """The words of a comma-separated list."""
        return [word.strip() for word in self.text(name, ",".join(default)).split(",") if word.strip()]

    def hosts(self, name: str, default: Iterable[str] = ()) -> list[str]:
        """Words such as `example.org`, `*.example.org`, `*`, each with `:port` or `=address` where wanted."""
        words = self.words(name, default)
        if unusable := [word for word in words if not HOST.fullmatch(word)]:
            raise UnusableSetting(f"{name} must name hosts, as in *.example.org or mirror:8080, not “{unusable[0]}”.")
        return words

    def proxy(self, name: str) -> str:
        """The URL of a proxy that is spoken to in plain HTTP, or nothing."""
        url = self.text(name)
        parts = _split(name, url)
        if url and (parts.scheme != "http" or not parts.hostname or not _port(name, parts) or parts.path.strip("/")):
            raise UnusableSetting(f"{name} must be http://host:port of a proxy.")
        return url

    def pairs(self, name: str) -> dict[str, str]:
        """The pairs of a comma-separated list of NAME=VALUE."""
        words = self.words(name)
        if unpaired := [word for word in words if "=" not in word]:
            raise UnusableSetting(f"{name} must hold NAME=VALUE pairs, not “{unpaired[0]}”.")
        return {key.strip(): value.strip() for key, _, value in (word.partition("=") for word in words)}

    def choice(self, name: str, default: str, among: Iterable[str]) -> str:
        word = self.text(name, default)
        if word not in set(among):
            raise UnusableSetting(f"{name} must be one of {', '.join(among)}, not “{word}”.")
        return word

    def read_elsewhere(self, names: Iterable[str]) -> tuple[str, ...]:
        """Names that are settings too, but whose values are read only where they are needed."""
        found = tuple(names)
        self.asked.update(found)
        return found

    def refuse_strangers(self) -> None:
        """Stop at a name with our prefix that no setting has: a typing mistake would otherwise pass unseen."""
        strangers = sorted(name for name in self._values if name.startswith(PREFIX) and name not in self.asked)
        if strangers:
            raise UnusableSetting(f"There is no setting {strangers[0]}; docs/configuration.md lists those there are.")


# libpq's words for a peer that is gone: noticed within half a minute, not after the two hours that TCP would wait.
LIVELINESS = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}


def database_from(url: str) -> dict[str, Any]:
    """Django's connection settings from `postgresql://user:password@host:port/name?option=value`."""
    parts = _split("DATABASE_URL", url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise UnusableSetting("DATABASE_URL must begin with postgresql://, the one database Patchbay speaks.")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise UnusableSetting("DATABASE_URL must name a database, as in postgresql://user@host/patchbay.")
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or "") or options.pop("user", ""),
        "PASSWORD": unquote(parts.password or "") or options.pop("password", ""),
        "HOST": host,
        "PORT": str(_port("DATABASE_URL", parts) or options.pop("port", "")),
        "OPTIONS": (LIVELINESS if host and not host.startswith("/") else {}) | options,
    }


def mail_from(url: str) -> dict[str, Any]:
    """Django's mail settings from `smtp://`, `smtps://` (TLS at once), `smtp+tls://` (STARTTLS), or `console:`."""
    if url == "console:":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = _split("PATCHBAY_EMAIL_URL", url)
    if parts.scheme not in {"smtp", "smtps", "smtp+tls"} or not parts.hostname:
        raise UnusableSetting(
            "PATCHBAY_EMAIL_URL must be console: or smtp://, smtp+tls:// or smtps:// with a host name."
        )
    usual = {"smtp": 25, "smtps": 465, "smtp+tls": 587}[parts.scheme]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": _port("PATCHBAY_EMAIL_URL", parts) or usual,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_TIMEOUT": 10,
    }


def _split(name: str, url: str) -> Any:
    try:
        return urlsplit(url)
    except ValueError:
        raise UnusableSetting(f"{name} is not a URL.") from None


def _port(name: str, parts: Any) -> int | None:
    try:
        return parts.port  # type: ignore[no-any-return]
    except ValueError:
        raise UnusableSetting(f"{name} has an unusable port.") from None
