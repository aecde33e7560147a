"""Fits a dump to a Supabase project, whose platform has half of what the dump holds already.

The rules are those of `app.supabase.restore_rules`; here they meet what is in source and target.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.domain.backup import Contents
from app.domain.restore import Action, Finding, PlannedObject, RestoreOptions, Severity
from app.engine.restore.entry_graph import ABOUT, DATA, PREAMBLE, ROUTINES, EntryGraph
from app.engine.restore.in_the_way import Slot, slot_of, slots
from app.engine.restore.project_roles import ProjectRoles, plan_roles
from app.engine.restore.rights import ALL, granted
from app.engine.restore.role_edits import STATEMENT
from app.engine.restore.rows_alone import columns_of
from app.engine.restore.selection import Selection
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.still_triggers import AS_ORIGIN, AS_REPLICA
from app.engine.restore.wording import counted, listed, readable, some
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.connection import quote_identifier, quote_qualified
from app.postgres.target import TargetFacts, TargetObject
from app.postgres.target_parts import PUBLIC, DefaultRights
from app.supabase.platform import (
    has_user_rows,
    is_platform_owner,
    is_platform_schema,
    is_reserved_role,
    is_supabase,
)
from app.supabase.restore_rules import Outcome, Subject, outcome_of

Name = tuple[str, str]

_DEFAULTS = {"r": "TABLES", "S": "SEQUENCES", "f": "ROUTINES", "T": "TYPES", "n": "SCHEMAS"}
_REVOKED = "revoked first, so that each object gets the rights that it has in the source"


@dataclass(frozen=True, slots=True)
class ProjectFit:
    """What is different about a restore because its target is a Supabase project.

    Attributes:
        target: as it will be when the restore's own statements have run.
        is_project: whether it is one; if not, all the rest is empty.
        there: why entries are skipped of which the project has its own, by dump id.
        lost: why others are left out that it cannot take.
        rows: tables of the platform that get rows.
        emptied: those of them whose rows are deleted first.
        referring: tables that refer to these and keep their rows.
        before: statements that the restore begins with.
        after: statements that it ends with.
        on_creation: statements that follow the creation of an entry, by dump id.
        replaced: triggers and policies that take the place of the target's, by dump id.
        planned: what a plan shows beside the dump's entries.
        findings: what the user should know.
    """

    target: TargetFacts
    is_project: bool = False
    there: Mapping[int, str] = field(default_factory=dict)
    lost: Mapping[int, str] = field(default_factory=dict)
    rows: tuple[Name, ...] = ()
    emptied: tuple[Name, ...] = ()
    referring: tuple[Name, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    on_creation: Mapping[int, str] = field(default_factory=dict)
    replaced: frozenset[int] = frozenset()
    planned: tuple[PlannedObject, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def left_out(self) -> Mapping[int, str]:
        """Why entries are not restored, by dump id."""
        return {**self.lost, **self.there}


def is_project(target: TargetFacts) -> bool:
    """Whether a target is a Supabase project, and its role not the platform's own."""
    schemas = {one.name for one in target.objects if one.kind == "SCHEMA"}
    return not target.is_superuser and not target.is_new and is_supabase(target.roles, schemas)


def fit_project(
    selection: Selection, graph: EntryGraph, source: SourceFacts, target: TargetFacts, options: RestoreOptions
) -> ProjectFit:
    """Find what of a dump a Supabase project takes; any other target takes it as it is."""
    if not is_project(target):
        return ProjectFit(target)
    return _Fitting(selection, graph, source, target, options).result()


def holds_rows_of_its_own(target: TargetFacts) -> bool:
    """Whether a target has rows that somebody would miss: a project's platform has some from the start."""
    if not is_project(target):
        return target.has_data
    return bool(target.large_objects) or any(
        has_user_rows(*name) or not is_platform_schema(name[0]) for name in target.rows_in
    )


@dataclass(slots=True)
class _Fitting:
    selection: Selection
    graph: EntryGraph
    source: SourceFacts
    target: TargetFacts
    options: RestoreOptions
    there: dict[int, str] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    restored: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    occupants: dict[Slot, TargetObject] = field(default_factory=dict)
    schemas: dict[str, TargetObject] = field(default_factory=dict)
    parts: dict[tuple[str, Name], set[str]] = field(default_factory=lambda: defaultdict(set))

    def result(self) -> ProjectFit:
        self.occupants = {slot_of(one): one for one in self.target.objects}
        self.schemas = {one.name: one for one in self.target.objects if one.kind == "SCHEMA"}
        for part in self.target.parts:
            self.parts[part.kind, part.of[1:]].add(part.name)
        missing_rows = self._judge()
        kept = [
            entry
            for entry in self.selection.entries
            if entry.dump_id not in self.there and entry.dump_id not in self.lost
        ]
        rows = [entry for entry in self.restored if entry.kind in DATA]
        tables = tuple(dict.fromkeys((e.schema, e.tag) for e in rows if e.kind == "TABLE DATA"))
        emptied = tuple(name for name in tables if name in self.target.rows_in) if self.options.clean else ()
        replaced, drops = self._replaced()
        is_whole = self.selection.is_all and self.options.contents is Contents.ALL
        has_definitions = self.options.contents is not Contents.DATA
        roles = ProjectRoles(self.target)
        if has_definitions:
            roles = plan_roles(kept, self.graph, self.source.roles, self.target, everything=is_whole)
        revoked: tuple[DefaultRights, ...] = ()
        sets_them_anew = self.selection.is_all and has_definitions and self.options.privileges
        if sets_them_anew and self._source_is_project():
            revoked = roles.target.default_rights
        self._find(rows, tables, emptied, missing_rows, revoked)
        return ProjectFit(
            target=replace(
                roles.target,
                dependents=tuple(self._dependents(roles.target, drops)),
                default_rights=() if revoked else roles.target.default_rights,
            ),
            is_project=True,
            there=self.there,
            lost=self.lost,
            rows=tables,
            emptied=emptied,
            referring=tuple(self._referring(emptied)),
            before=(
                *roles.before,
                *_revokes(revoked),
                *drops.values(),
                *_deletes(emptied),
            ),
            after=(*(self._passed_on(roles.target) if self.options.privileges else ()), *roles.after),
            on_creation=roles.on_creation,
            replaced=replaced,
            planned=(*roles.planned, *_planned_revokes(revoked)),
            findings=(*self.findings, *roles.findings),
        )

    def _source_is_project(self) -> bool:
        entries = self.source.entries
        schemas = {entry.tag for entry in entries if entry.kind == "SCHEMA"}
        return is_supabase({entry.owner for entry in entries}, schemas)

    def _judge(self) -> list[Entry]:
        """Sort all entries; gives rows that would be lost."""
        missing = []
        for entry in self.selection.entries:
            if entry.kind in PREAMBLE:
                continue
            outcome, reason = outcome_of(self._subject(entry))
            is_asked_for = self.selection.is_all or entry.dump_id in self.selection.chosen
            if outcome is Outcome.RESTORED and not is_asked_for:
                outcome, reason = Outcome.THERE, "it was not asked for"
            if outcome is Outcome.THERE:
                self.there[entry.dump_id] = reason
            elif outcome is Outcome.RESTORED:
                self.restored.append(entry)
            elif outcome is Outcome.LOST and entry.kind == "TABLE DATA":
                self.there[entry.dump_id] = reason
                missing.append((entry, reason))
            elif outcome is Outcome.LOST:
                self.lost[entry.dump_id] = reason
        lost = [(e, reason) for e, reason in missing if self.source.rows.get(e.dump_id) != 0]
        for reason in dict.fromkeys(reason for _, reason in lost):
            self.findings.append(
                Finding(
                    Severity.WARNS,
                    f"Rows are left out: {reason}",
                    some(qualified_name(entry) for entry, why in lost if why == reason),
                )
            )
        return [entry for entry, _ in lost]

    def _subject(self, entry: Entry) -> Subject:
        whole = self._whole(entry)
        schema = entry.schema
        about = whole if entry.kind in ABOUT and whole is not None else entry
        if about.kind == "SCHEMA":
            schema = about.tag
        elif entry.kind in ABOUT and entry.tag.startswith("SCHEMA "):
            schema = entry.tag.removeprefix("SCHEMA ")
        own, of_whole = self._occupant(entry), self._occupant(whole) if whole is not None else None
        table = (whole.schema, whole.tag) if whole is not None else ("", "")
        is_here = own is not None
        if entry.kind in ("POLICY", "TRIGGER") and whole is not None:
            is_here = entry.tag[len(whole.tag) + 1 :] in self.parts[entry.kind, table]
        elif entry.kind == "PUBLICATION TABLE":
            is_here = any(
                entry.tag == f"{publication} {name[1]}"
                for (kind, name), publications in self.parts.items()
                if kind == "PUBLICATION TABLE" and name[0] == entry.schema
                for publication in publications
            )
        found = of_whole or own
        schema_here = self.schemas.get(schema)
        return Subject(
            entry=entry,
            schema=schema,
            owner=(whole.owner if whole is not None and entry.kind in ABOUT else entry.owner) or entry.owner,
            is_here=is_here,
            whole_is_here=of_whole is not None,
            is_mine=found.is_mine if found is not None else False,
            may_write=(entry.schema, entry.tag) in self.target.writable,
            may_create=schema in self.target.creatable
            or (schema_here is None and not is_platform_owner(self._schema_owner(schema))),
        )

    def _whole(self, entry: Entry) -> Entry | None:
        """The table, type or the like that an entry is a part of, at any distance; None where it is none."""
        number = entry.dump_id
        while number in self.graph.part_of:
            number = self.graph.part_of[number]
        return self.graph.entries[number] if number != entry.dump_id else None

    def _occupant(self, entry: Entry) -> TargetObject | None:
        if entry.kind == "SCHEMA":
            return self.schemas.get(entry.tag)
        for slot in slots(entry, self.graph):
            if slot in self.occupants:
                return self.occupants[slot]
        return None

    def _schema_owner(self, schema: str) -> str:
        found = (e.owner for e in self.graph.entries.values() if e.kind == "SCHEMA" and e.tag == schema)
        return next(found, "")

    def _replaced(self) -> tuple[frozenset[int], dict[tuple[str, Name, str], str]]:
        """The triggers and policies that the project has, and the statements that drop them.

        Without `clean` they stay, and the source's are left out.
        """
        numbers: set[int] = set()
        drops: dict[tuple[str, Name, str], str] = {}
        for entry in self.restored:
            whole = self._whole(entry)
            if entry.kind not in ("POLICY", "TRIGGER") or whole is None:
                continue
            table, name = (whole.schema, whole.tag), entry.tag[len(whole.tag) + 1 :]
            if name not in self.parts[entry.kind, table]:
                continue
            if not self.options.clean:
                self.there[entry.dump_id] = f"the project has a {entry.kind.lower()} of that name"
                continue
            numbers.add(entry.dump_id)
            drops[entry.kind, table, name] = (
                f"DROP {entry.kind} {quote_identifier(name)} ON {quote_qualified(*table)};"
            )
        return frozenset(numbers), drops

    def _dependents(
        self, target: TargetFacts, drops: Mapping[tuple[str, Name, str], str]
    ) -> Iterator[tuple[TargetObject, TargetObject]]:
        """The target's own, less platform tables of which only what is dropped needs anything of the user."""
        own = {
            (e.kind, e.schema, e.tag)
            for e in self.graph.entries.values()
            if e.kind in ("POLICY", "TRIGGER") and e.dump_id in self.there
        }
        for needed, dependent in target.dependents:
            table = (dependent.schema, dependent.name)
            if dependent.kind == "TABLE" and not dependent.is_mine and is_platform_schema(table[0]):
                left = [
                    name
                    for kind in ("POLICY", "TRIGGER")
                    for name in self.parts[kind, table]
                    if (kind, table, name) not in drops and (kind, table[0], f"{table[1]} {name}") not in own
                ]
                if not left:
                    continue
            yield needed, dependent

    def _referring(self, emptied: Iterable[Name]) -> Iterator[Name]:
        gone = set(emptied)
        for key in self.target.foreign_keys:
            if key.referenced in gone and key.table not in gone and key.table in self.target.rows_in:
                yield key.table

    def _passed_on(self, target: TargetFacts) -> Iterator[str]:
        """What the user's own roles were granted on objects of the platform."""
        refused = []
        for entry in self.selection.entries:
            whole = self._whole(entry)
            if entry.kind != "ACL" or entry.dump_id not in self.there or whole is None:
                continue
            grantable = {
                right
                for schema, name, right in target.grantable
                if (schema, name) == (whole.schema, whole.tag)
            }
            for statement in STATEMENT.findall(entry.definition):
                rights = granted([replace(entry, definition=statement)])
                if not rights or any(is_reserved_role(role) or role == PUBLIC for role in rights):
                    continue
                wanted = {right.partition("(")[0] for given in rights.values() for right in given}
                may_give = wanted <= grantable or (wanted == {ALL} and bool(grantable))
                if may_give and rights.keys() <= target.roles:
                    yield statement.strip()
                else:
                    refused.append(f"{', '.join(sorted(rights))} on {qualified_name(entry)}")
        if refused:
            self.findings.append(
                Finding(
                    Severity.WARNS,
                    "Rights on objects of the platform are left out",
                    some(refused),
                    "Make the roles first where they are missing; other rights only the platform may give.",
                )
            )

    def _find(
        self,
        rows: list[Entry],
        tables: tuple[Name, ...],
        emptied: tuple[Name, ...],
        missing: list[Entry],
        revoked: tuple[DefaultRights, ...],
    ) -> None:
        if self.there:
            reasons = Counter(self.there[number] for number in self.there)
            for entry in missing:
                reasons[self.there[entry.dump_id]] -= 1
            self.findings.append(
                Finding(
                    Severity.INFORMS,
                    f"The target is a Supabase project: {counted(len(self.there), 'object')} of its platform"
                    " stay as it has them",
                    "\n".join(f"{number:,}: {reason}" for reason, number in reasons.items() if number > 0),
                )
            )
        self._find_functions()
        secrets = [
            self.source.rows.get(number) or 0
            for number in self.there
            if self.graph.entries[number].kind == "TABLE DATA"
            and self.graph.entries[number].schema == "vault"
        ]
        if sum(secrets):
            self.findings.append(
                Finding(
                    Severity.WARNS,
                    f"{counted(sum(secrets), 'secret')} of the Vault cannot be restored",
                    "They are encrypted with a key of the source’s project",
                    "Make them again: SELECT vault.create_secret('…', 'name');",
                )
            )
        if (self.options.jobs or 1) > 1:
            self.findings.append(
                Finding(
                    Severity.INFORMS,
                    "A Supabase project is restored in one transaction, by one session",
                    "What is done about roles, rights and triggers is undone with the rest if anything fails",
                )
            )
        if tables and not self.target.may_replicate:
            self.findings.append(
                Finding(
                    Severity.BLOCKS,
                    f"{self.target.role} may not keep the platform’s triggers still",
                    f"Rows of {some(readable(*name) for name in tables)} would fire them",
                    "GRANT SET ON PARAMETER session_replication_role TO"
                    f" {quote_identifier(self.target.role)};",
                )
            )
        if self.options.contents is not Contents.DATA:  # of which all columns are looked at
            self._find_columns(rows)
        filled = [name for name in tables if name in self.target.rows_in]
        if filled and not self.options.clean:
            self.findings.append(
                Finding(
                    Severity.WARNS,
                    f"Rows are added to those that {counted(len(filled), 'table')} of the platform have",
                    some(readable(*name) for name in filled),
                    "Rows that are there already violate keys; --clean deletes them first.",
                )
            )
        elif emptied:
            self.findings.append(
                Finding(
                    Severity.WARNS,
                    f"The rows of {counted(len(emptied), 'table')} of the platform are deleted first",
                    some(readable(*name) for name in emptied),
                )
            )
        if revoked:
            names = sorted({one.role for one in revoked} - {self.target.role})
            self.findings.append(
                Finding(
                    Severity.INFORMS,
                    f"The default privileges of {listed('role', names)} are {_REVOKED}",
                    "Those of the source take their place at the end.",
                )
            )

    def _find_functions(self) -> None:
        """Triggers whose functions come along although nobody asked for what these may need."""
        shown = [
            f"{qualified_name(entry)} runs {qualified_name(self.graph.entries[number])}"
            for entry in self.restored
            if entry.kind == "TRIGGER"
            for number in self.graph.needs[entry.dump_id]
            if number in self.selection.because and self.graph.entries[number].kind in ROUTINES
        ]
        if shown:
            self.findings.append(
                Finding(
                    Severity.WARNS,
                    "Triggers come along whose functions may need what is not restored",
                    some(shown),
                    "Select that, too, or restore the rows alone.",
                )
            )

    def _find_columns(self, rows: Iterable[Entry]) -> None:
        lacking = []
        for entry in rows:
            one = self.occupants.get(("relation", entry.schema, entry.tag))
            if entry.kind == "TABLE DATA" and one is not None:
                lacking += [
                    f"{readable(entry.schema, entry.tag)}.{name}"
                    for name in columns_of(entry)
                    if name not in one.columns
                ]
        if lacking:
            self.findings.append(
                Finding(
                    Severity.BLOCKS,
                    f"The project has no {listed('column', lacking)}",
                    "Its platform is older than the source’s",
                    "Update the project in Supabase’s dashboard, or take a newer one.",
                )
            )


def _deletes(tables: tuple[Name, ...]) -> tuple[str, ...]:
    """DELETE, as nobody but a table's owner may truncate what others refer to; its triggers keep still."""
    if not tables:
        return ()
    return (AS_REPLICA, *(f"DELETE FROM {quote_qualified(*name)};" for name in tables), AS_ORIGIN)


def _revokes(rights: Iterable[DefaultRights]) -> Iterator[str]:
    for one in rights:
        if one.kind in _DEFAULTS:
            where = f" IN SCHEMA {quote_identifier(one.schema)}" if one.schema else ""
            role = PUBLIC if one.role == PUBLIC else quote_identifier(one.role)
            yield f"ALTER DEFAULT PRIVILEGES{where} REVOKE ALL ON {_DEFAULTS[one.kind]} FROM {role};"


def _planned_revokes(rights: Iterable[DefaultRights]) -> Iterator[PlannedObject]:
    roles: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in rights:
        roles[one.kind, one.schema].append(one.role)
    for (kind, schema), names in roles.items():
        name = f"{_DEFAULTS.get(kind, kind)}{f' in {schema}' if schema else ''}"
        yield PlannedObject("DEFAULT ACL", name, Action.CHANGE, f"{listed('role', names)}: {_REVOKED}")
