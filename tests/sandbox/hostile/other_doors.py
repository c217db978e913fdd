"""Enters the kernel by the doors for 32-bit programs, where the numbers of calls mean something else."""

import ctypes
import mmap
import os
import signal


def through(name, code):
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    child = os.fork()
    if child == 0:
        os._exit(0 if call() != -38 else 2)
    end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"{name}: {signal.Signals(-end).name if end < 0 else ('answered', 'odd', 'no such call')[end]}", flush=True)


through("int 0x80", bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
through("x32", bytes.fromhex("b8270000400f05c3"))  # mov eax, 0x40000000 + 39 (getpid); syscall; ret
