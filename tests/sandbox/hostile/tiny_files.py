"""Makes empty files until it is stopped: they cost no disk, yet the kernel pays for each."""

import pathlib

for number in range(200_000):
    if number % 1000 == 0:
        pathlib.Path(f"d{number}").mkdir()
        place = f"d{number}"
    pathlib.Path(f"{place}/{number}").touch()
print("made them all", flush=True)
