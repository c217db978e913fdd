"""Looking into uploaded files: what they are by their bytes, and whether unpacking them would do harm.

Everything here but `reports` is the standard library alone and is carried into the jail, where a file is read; the
room is never let near hostile bytes outside of it.
"""
