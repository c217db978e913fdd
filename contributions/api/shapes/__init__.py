"""What answers look like: one serializer for each shape, its fields named one by one."""
