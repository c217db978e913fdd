"""Wants 400 megabytes for itself."""

held = [b"\1" * (1 << 20)]
while len(held) < 400:
    held.append(bytes([len(held) % 255 + 1]) * (1 << 20))
print(f"holds {len(held)} MB", flush=True)
