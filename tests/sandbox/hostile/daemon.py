"""Ends at once, but leaves a daemon that holds the log open and ignores signals."""

import os
import signal
import sys
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                continue
        os.execvp("sleep", ["sleep", os.environ["MARK"]])
    os._exit(0)
time.sleep(0.2)
print("left a daemon behind", flush=True)
sys.exit(0)
