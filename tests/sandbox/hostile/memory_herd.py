"""Ten processes that want 40 megabytes each: none of them is large, together they are."""

import os
import sys
import time

readers = []
for _ in range(10):
    reading, writing = os.pipe()
    if os.fork() == 0:
        held = b"\1" * (40 << 20)
        os.write(writing, b"x")
        time.sleep(1.5)
        os._exit(0 if len(held) else 1)
    os.close(writing)
    readers.append(reading)
fed = sum(len(os.read(reading, 1)) for reading in readers)
killed = sum(os.wait()[1] != 0 for _ in readers)
print(f"{fed} were fed, {killed} were killed", flush=True)
sys.exit(killed > 0)
