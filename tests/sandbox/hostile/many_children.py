"""Wants 300 children at once, each in a session of its own."""

import os
import sys
import time

made = 0
try:
    for _ in range(300):
        if os.fork() == 0:
            os.setsid()
            time.sleep(2)
            os._exit(0)
        made += 1
except OSError as problem:
    print(f"stopped at {made} children: {problem.strerror}", flush=True)
    sys.exit(1)
print(f"has {made} children", flush=True)
