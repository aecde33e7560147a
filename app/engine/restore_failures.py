"""Says why an entry could not be restored into the sandbox, and whether that is the backup's fault.

What needs something that was left out, a right that a dump is not given, or a feature that the sandbox
was built without, was *not checked*. Everything else would fail in a real restore, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from app.domain.proof import ObjectOutcome, Outcome
from app.engine.remedies import remedy_in_source
from app.engine.restore_list import RestoreList, qualified_name
from app.engine.sandbox_restore import OTHER_ORDER, Restored, outcome_of_dropped
from app.postgres.archive_entry import Entry

_DENIED = re.compile(
    r"must be superuser|permission denied|must be owner of|only superusers"
    r"|foreign-data wrapper .* has no handler",
    re.IGNORECASE,
)
_LACKS_FEATURE = re.compile(r"unsupported XML feature|ICU is not supported|encoding .* not supported by ICU")
_OTHER_ORDER = re.compile(
    r"violates (?:check|partition) constraint|range lower bound must be less than or equal to"
    r"|empty range bound|would overlap partition|no partition of relation .* found for row"
    r"|partition constraint for default partition .* would be violated|is violated by some row"
    r"|cannot attach index"
)
_BREAKS_KEY = re.compile(r"violates foreign key constraint|conflicts with existing key|conflicting key value")
_WORD = re.compile(r'(?:"((?:[^"]|"")+)"|([\w$]+))(?:\.(?:"((?:[^"]|"")+)"|([\w$]+)))?')
_REFERENCES = re.compile(r"\bREFERENCES (.+?)\s*\(")
_NO_KEY = re.compile(r'no unique constraint matching given keys for referenced table "(.+?)"')
_NEEDED_BY_NOTHING = frozenset(
    [
        "ACL",
        "COMMENT",
        "DATABASE",
        "DATABASE PROPERTIES",
        "DEFAULT ACL",
        "EVENT TRIGGER",
        "PUBLICATION",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "SECURITY LABEL",
        "SUBSCRIPTION",
        "SUBSCRIPTION TABLE",
        "TABLESPACE",
    ]
)
_WITH_TABLE = ("CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "DEFAULT")
_AFTER_ROWS = ("FK CONSTRAINT", "CONSTRAINT", "INDEX", "INDEX ATTACH", "MATERIALIZED VIEW DATA")


def explain_failures(
    all_entries: Iterable[Entry], plan: RestoreList, restored: Restored
) -> dict[int, ObjectOutcome]:
    """The outcomes of entries that failed, and of those that lost something so that rows could be loaded."""
    return dict(_Explanation(tuple(all_entries), plan, restored).outcomes())


class _Explanation:
    """Follows what was not checked, or failed, to what needs it."""

    def __init__(self, entries: tuple[Entry, ...], plan: RestoreList, restored: Restored) -> None:
        self._plan = plan
        self._restored = restored
        self._entries = {entry.dump_id: entry for entry in entries}
        self._rows_of: dict[int, list[int]] = defaultdict(list)
        self._attached_by: dict[int, int] = {}
        for entry in entries:
            for number in entry.dependencies if entry.kind in ("TABLE DATA", "TABLE ATTACH") else ():
                other = self._entries.get(number)
                if (
                    entry.kind == "TABLE ATTACH"
                    and other
                    and (other.schema, other.tag)
                    == (
                        entry.schema,
                        entry.tag,
                    )
                ):
                    self._attached_by[number] = entry.dump_id
                else:
                    self._rows_of[number].append(entry.dump_id)
        self._indexes: dict[str, list[Entry]] = defaultdict(list)
        for entry in plan.entries:
            if entry.kind in ("INDEX", "CONSTRAINT"):
                self._indexes[entry.tag.split(" ")[-1]].append(entry)
        self._known: dict[int, ObjectOutcome] = {}
        self._named: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, outcome in plan.left_out.items():
            if outcome.outcome is Outcome.NOT_CHECKED:
                self._add(number, outcome)

    def _add(self, number: int, outcome: ObjectOutcome) -> None:
        self._known[number] = outcome
        entry = self._entries[number]
        if entry.kind in _NEEDED_BY_NOTHING:
            return
        name = entry.tag.partition("(")[0]
        if entry.kind in _WITH_TABLE:
            table, _, name = name.rpartition(" ")
            if entry.kind == "CONSTRAINT":
                self._named[entry.schema, f"key of {table}"].append(number)
        self._named[entry.schema, name].append(number)

    def outcomes(self) -> Iterator[tuple[int, ObjectOutcome]]:
        for entry in self._plan.entries:
            message = self._restored.errors.get(entry.dump_id)
            found = outcome_of_dropped(self._restored, entry)
            if message is not None:
                found = self._explain(entry, message)
            elif cause := self._lost_partition(entry):
                found = Outcome.NOT_CHECKED, self._needs(cause)
            if found is not None:
                outcome = ObjectOutcome(entry.kind, qualified_name(entry), *found)
                self._add(entry.dump_id, outcome)
                yield entry.dump_id, outcome

    def _explain(self, entry: Entry, message: str) -> tuple[Outcome, str]:
        cause = self._cause(entry, message)
        if cause is not None:
            return self._known[cause].outcome, self._needs(cause)
        if _DENIED.search(message):
            return Outcome.NOT_CHECKED, f"the sandbox does not let a dump do this: {message}"
        if _LACKS_FEATURE.search(message):
            return Outcome.NOT_CHECKED, f"the sandbox was built without it: {message}"
        if not self._plan.sorts_like_source and _OTHER_ORDER.search(message):
            return Outcome.NOT_CHECKED, f"{OTHER_ORDER}: {message}"
        if self._plan.tells_apart and _BREAKS_KEY.search(message):
            return (
                Outcome.NOT_CHECKED,
                f"it does not hold where the collation tells all texts apart: {message}",
            )
        remedy = remedy_in_source(message)
        return Outcome.NOT_RESTORABLE, f"{message}. {remedy}" if remedy else message

    def _lost_partition(self, entry: Entry) -> int | None:
        """The attachment without which an index of a partition cannot be a part of its parent's index."""
        if entry.kind != "INDEX ATTACH":
            return None
        attached_by = [self._attached_by.get(number, 0) for number in entry.dependencies]
        if not entry.dependencies:
            attached_by = [
                number
                for index in self._indexes[entry.tag]
                for number in self._lost_named(index.definition, index.schema)
                if self._entries[number].kind == "TABLE ATTACH"
            ]
        return next((number for number in attached_by if number in self._known), None)

    def _cause(self, entry: Entry, message: str) -> int | None:
        """What the entry needs and what is not there, or is not as it was.

        Plain SQL does not say what needs what; there the server's words have to name it.
        """
        needed = list(entry.dependencies)
        if entry.kind in _AFTER_ROWS:
            needed += [number for table in entry.dependencies for number in self._rows_of[table]]
        if not needed:
            if entry.kind == "FK CONSTRAINT" and _BREAKS_KEY.search(message):
                message += "".join(f" {name}" for name in _REFERENCES.findall(entry.definition))
            needed = list(self._lost_named(message, entry.schema))
        causes = [number for number in needed if self._is_lost(number, entry)]
        # What was not checked says more than what failed because of it.
        return min(causes, key=lambda number: self._known[number].outcome.is_failure, default=None)

    def _is_lost(self, number: int, entry: Entry) -> bool:
        """A table that only lost a check is there; what needs it can still fail for its own reasons."""
        if number not in self._known or number == entry.dump_id:
            return False
        if self._entries[number].kind in _NEEDED_BY_NOTHING:
            return False
        return (
            number in self._plan.left_out
            or number in self._restored.errors
            or (self._entries[number].kind == "TABLE ATTACH")
        )

    def _lost_named(self, text: str, schema: str) -> Iterator[int]:
        """What is lost and named in a text; names without a schema are quoted, and of this schema or none."""
        for match in _WORD.finditer(text):
            first, second = match[1] or match[2], match[3] or match[4]
            if second:
                yield from self._named.get((first, second), ())
            elif match[1]:
                before, _, after = first.partition(".")
                for key in {(schema, first), ("", first), (before, after)}:
                    yield from self._named.get(key, ())
        if keyless := _NO_KEY.search(text):
            yield from self._named.get((schema, f"key of {keyless[1]}"), ())

    def _needs(self, cause: int) -> str:
        entry, outcome = self._entries[cause], self._known[cause]
        what = "was not checked" if outcome.outcome is Outcome.NOT_CHECKED else "cannot be restored"
        return f"it needs {entry.kind} {qualified_name(entry)}, which {what}"


def with_stand_ins(outcomes: Mapping[int, ObjectOutcome], plan: RestoreList) -> dict[int, ObjectOutcome]:
    """The outcomes, in which what was replaced by a stand-in does not count as identical."""
    changed = dict(outcomes)
    for number, reason in plan.stood_in.items():
        outcome = outcomes.get(number)
        if outcome is not None and outcome.outcome is Outcome.IDENTICAL:
            changed[number] = ObjectOutcome(outcome.kind, outcome.name, Outcome.NOT_CHECKED, reason)
    return changed
