"""What a file is, told by its first bytes and by nothing that its name says."""

from __future__ import annotations

import struct

HEAD = 1024  # bytes that are enough to tell

ZIP, TAR, GZIP, XZ, BZIP2, ZSTD = (
    "application/zip",
    "application/x-tar",
    "application/gzip",
    "application/x-xz",
    "application/x-bzip2",
    "application/zstd",
)
WHEEL, DEB, AR, RPM = (
    "application/x-wheel+zip",
    "application/vnd.debian.binary-package",
    "application/x-archive",
    "application/x-rpm",
)
PACKED_TAR = "application/x-compressed-tar"
UNKNOWN = "application/octet-stream"
PACKINGS = frozenset({GZIP, XZ, BZIP2, ZSTD})
ARCHIVES = frozenset({ZIP, TAR, AR, *PACKINGS})

MAGICS = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\x1f\x8b\x08", GZIP),
    (b"\xfd7zXZ\0", XZ),
    (b"BZh", BZIP2),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"!<arch>\ndebian-binary", DEB),
    (b"!<arch>\n", AR),
    (b"\xed\xab\xee\xdb", RPM),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"\0asm", "application/wasm"),
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"QFI\xfb", "application/x-qemu-disk"),
    (b"hsqs", "application/vnd.squashfs"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"#!", "text/x-script"),
)
ELF_KINDS = {1: "application/x-object", 2: "application/x-executable", 3: "application/x-sharedlib"}
WORDS = {
    ZIP: "zip archive",
    WHEEL: "Python wheel",
    TAR: "tar archive",
    PACKED_TAR: "compressed tar archive",
    GZIP: "gzip file",
    XZ: "xz file",
    BZIP2: "bzip2 file",
    ZSTD: "zstd file",
    DEB: "Debian package",
    AR: "ar archive",
    RPM: "RPM package",
    UNKNOWN: "unknown bytes",
    "application/x-object": "ELF object",
    "application/x-executable": "ELF executable",
    "application/x-sharedlib": "ELF executable or library",
    "application/vnd.microsoft.portable-executable": "Windows executable",
    "application/x-mach-binary": "macOS executable",
    "application/java-vm": "Java class",
    "application/x-qemu-disk": "QEMU disk image",
    "text/x-script": "script",
    "text/html": "HTML page",
    "image/svg+xml": "SVG image",
    "text/plain": "text",
}
# What a name promises; a file whose bytes are something else is not what its users take it for.
PROMISES = {
    ".whl": {ZIP},
    ".zip": {ZIP},
    ".jar": {ZIP},
    ".deb": {DEB},
    ".rpm": {RPM},
    ".tar": {TAR},
    ".tar.gz": {GZIP},
    ".tgz": {GZIP},
    ".gz": {GZIP},
    ".tar.xz": {XZ},
    ".xz": {XZ},
    ".tar.bz2": {BZIP2},
    ".bz2": {BZIP2},
    ".zst": {ZSTD},
}


def media_type(head: bytes) -> str:
    """The media type of a file that begins with these (at most HEAD) bytes."""
    for magic, kind in MAGICS:
        if head.startswith(magic):
            return kind
    if head.startswith(b"\x7fELF") and len(head) >= 18:  # noqa: PLR2004 - where e_type ends
        order = "<" if head[5] == 1 else ">"
        return ELF_KINDS.get(struct.unpack_from(order + "H", head, 16)[0], ELF_KINDS[3])
    if head[257:262] == b"ustar":
        return TAR
    return _text_type(head)


def _text_type(head: bytes) -> str:
    if not head or b"\0" in head or _control_characters(head) > len(head) // 50:
        return UNKNOWN
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if b"<svg" in start:
        return "image/svg+xml"
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body")):
        return "text/html"
    if start.startswith(b"<?xml"):
        return "application/xml"
    return "text/plain"


def _control_characters(head: bytes) -> int:
    return sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)  # noqa: PLR2004 - ASCII's own


def words(kind: str) -> str:
    """The type as a person says it."""
    return WORDS.get(kind, kind)


def broken_promise(name: str, kind: str) -> str:
    """The ending of the name that the bytes do not keep; empty when there is none."""
    lowered = name.lower()
    ending = max((known for known in PROMISES if lowered.endswith(known)), key=len, default="")
    return ending if ending and kind not in PROMISES[ending] else ""
