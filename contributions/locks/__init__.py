"""Lock files: what a stack was made of, as bytes that are the same whenever they are written."""

from contributions.locks.form import MOST_ENTRIES as MOST_ENTRIES, SCHEMA as SCHEMA, VERSION as VERSION
from contributions.locks.quilting import quilt as quilt
from contributions.locks.reading import LARGEST as LARGEST, read_lock as read_lock
from contributions.locks.writing import canonical as canonical
