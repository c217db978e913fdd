"""What a component asks of a contribution before it is approved; knows no database, only what it is told of a case."""

from contributions.rules.asking import Rules as Rules
from contributions.rules.case import Building as Building, Case as Case, Opinion as Opinion
from contributions.rules.findings import Check as Check, Checklist as Checklist, Mark as Mark
from contributions.rules.licences import is_expression as is_expression, permits as permits, written_by as written_by
from contributions.rules.signing_off import unsigned as unsigned
from contributions.rules.words import either as either, moment as moment
