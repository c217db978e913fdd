"""Tries to put characters into a terminal's input, where a shell would take them for typed."""

import ctypes
import os

TIOCSTI = 0x5412
libc = ctypes.CDLL(None, use_errno=True)
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
reading, writing = os.pipe()
for name, request in (("pipe", TIOCSTI), ("high bits", TIOCSTI | 1 << 32)):
    answer = libc.ioctl(reading, request, b"x")
    print(f"{name}: {answer} {ctypes.get_errno()}", flush=True)
try:
    os.close(os.open("/dev/tty", os.O_RDWR))
    print("tty: opened", flush=True)
except OSError as problem:
    print(f"tty: {problem.errno}", flush=True)
