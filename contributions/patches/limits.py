"""How much one upload may hold."""

from __future__ import annotations

from dataclasses import dataclass

from contributions.errors import TooLarge

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Counts and bytes; the defaults hold the largest series seen in real platforms several times over."""

    bytes: int = 20 * MIB
    patches: int = 50  # 2,000 small ones keep git busy for a minute
    files: int = 5000
    binary: int = 20 * MIB  # of one binary file, unpacked
    message: int = 64 << 10

    def check_upload(self, size: int) -> None:
        if size > self.bytes:
            raise TooLarge(f"The upload has {size:,} bytes; a patch may have {self.bytes:,}.")

    def check_patches(self, count: int) -> None:
        if count > self.patches:
            raise TooLarge(f"The series has {count} patches; it may have {self.patches}.")

    def check_files(self, count: int) -> None:
        if count > self.files:
            raise TooLarge(f"The patch touches {count:,} files; it may touch {self.files:,}.")

    def check_message(self, size: int, at: str) -> None:
        if size > self.message:
            raise TooLarge(f"{at}: the message has {size:,} bytes; it may have {self.message:,}.")

    def check_binary(self, size: int, at: str) -> None:
        if size > self.binary:
            raise TooLarge(f"{at}: this binary file unpacks to {size:,} bytes; it may have {self.binary:,}.")
