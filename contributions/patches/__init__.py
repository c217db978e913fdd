"""Reads what people send, any patch there may be, into clean series or clear refusals; knows no git, no database."""

from contributions.patches.envelopes import is_bundle as is_bundle
from contributions.patches.limits import Limits as Limits
from contributions.patches.parsing import FileDiff as FileDiff, Hunk as Hunk, Line as Line, parse_diff as parse_diff
from contributions.patches.reading import read_series as read_series
from contributions.patches.series import Patch as Patch, Series as Series, touched_paths as touched_paths
from contributions.patches.status import Status as Status, read_status as read_status, with_header as with_header
