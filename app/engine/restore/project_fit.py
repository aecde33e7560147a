"""Fits a dump to a Supabase project, whose platform has half of what the dump holds already.

The rules are those of `app.supabase.restore_rules`; here they meet what is in source and target.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.domain.backup import Contents
from app.domain.restore import Finding, PlannedObject, RestoreOptions
from app.engine.restore.entry_graph import PREAMBLE, EntryGraph
from app.engine.restore.project_findings import Fitted
from app.engine.restore.project_rights import SetAside, pass_on, set_aside
from app.engine.restore.project_roles import ProjectRoles, plan_roles
from app.engine.restore.project_subjects import Subjects, subjects
from app.engine.restore.selection import Selection
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.still_triggers import AS_ORIGIN, AS_REPLICA
from app.postgres.archive_entry import Entry
from app.postgres.quoting import Name, quote_identifier, quote_qualified
from app.postgres.target_facts import TargetFacts, TargetObject
from app.supabase.platform import has_user_rows, is_platform_owner, is_platform_schema, is_supabase
from app.supabase.restore_rules import Outcome, outcome_of


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
    """Whether a target is a Supabase project's database."""
    schemas = {one.name for one in target.objects if one.kind == "SCHEMA"}
    return not target.is_new and is_supabase(target.roles, schemas)


def fit_project(
    selection: Selection, graph: EntryGraph, source: SourceFacts, target: TargetFacts, options: RestoreOptions
) -> ProjectFit:
    """Find what of a dump a Supabase project takes; any other target takes it as it is."""
    if not is_project(target):
        return ProjectFit(target)
    found = subjects(source.entries, graph, target)
    return _Fitting(selection, found, source, options).result()


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
    subjects: Subjects
    source: SourceFacts
    options: RestoreOptions
    there: dict[int, str] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    lost_rows: list[Entry] = field(default_factory=list)
    restored: list[Entry] = field(default_factory=list)
    absent: set[int] = field(default_factory=set)

    def result(self) -> ProjectFit:
        graph, target, options = self.subjects.graph, self.subjects.target, self.options
        self._judge()
        self._follow_absent()
        replaced, drops = self._replaced()
        kept = [e for e in self.selection.entries if e.dump_id not in self.there | self.lost]
        tables = tuple(dict.fromkeys((e.schema, e.tag) for e in self.restored if e.kind == "TABLE DATA"))
        emptied = tuple(name for name in tables if name in target.rows_in) if options.clean else ()
        roles, aside = ProjectRoles(target), SetAside()
        if options.contents is not Contents.DATA:
            is_whole = self.selection.is_all and self._source_is_project()
            roles = plan_roles(kept, graph, self.source.roles, target, everything=is_whole)
            aside = set_aside(target) if is_whole and options.privileges else aside
        given, refused = pass_on(self._acls() if options.privileges else (), roles.target)
        fitted = Fitted(
            *(self.selection, self.source, self.subjects, options),
            *(self.there, self.lost_rows, self.restored, tables),
        )
        return ProjectFit(
            target=replace(
                roles.target,
                dependents=tuple(self._dependents(roles.target, drops)),
                default_rights=() if aside.rights and not aside.of_role else target.default_rights,
            ),
            is_project=True,
            there=self.there,
            lost=self.lost,
            rows=tables,
            emptied=emptied,
            referring=tuple(_referring(target, emptied)),
            before=(*roles.before, *aside.statements, *drops.values(), *_deletes(emptied)),
            after=(*given, *roles.after),
            on_creation=roles.on_creation,
            replaced=replaced,
            planned=(*roles.planned, *aside.planned),
            findings=(*fitted.findings(), *roles.findings, *aside.findings, *refused),
        )

    def _source_is_project(self) -> bool:
        entries = self.source.entries
        schemas = {entry.tag for entry in entries if entry.kind == "SCHEMA"}
        return is_supabase({entry.owner for entry in entries}, schemas)

    def _judge(self) -> None:
        for entry in self.selection.entries:
            if entry.kind in PREAMBLE:
                continue
            number = entry.dump_id
            outcome, reason = outcome_of(self.subjects.of(entry))
            is_asked_for = self.selection.is_all or number in self.selection.chosen
            if outcome is Outcome.RESTORED and not is_asked_for:
                outcome, reason = Outcome.THERE, "it was not asked for"
            if outcome is Outcome.THERE:
                self.there[number] = reason
                if is_platform_owner(entry.owner) and self.subjects.is_absent(entry):
                    self.absent.add(number)
            elif outcome is Outcome.RESTORED:
                self.restored.append(entry)
            elif outcome is Outcome.LOST and entry.kind == "TABLE DATA":
                self.there[number] = reason  # a warning, while tables that are lost block a plan
                self.lost_rows.append(entry)
            elif outcome is Outcome.LOST:
                self.lost[number] = reason

    def _follow_absent(self) -> None:
        """What the user's objects need of the source's platform, and the target's does not have."""
        for entry in self.selection.entries:
            if entry.kind in PREAMBLE or entry.dump_id in self.there:
                continue
            for number in self.absent.intersection(self.subjects.graph.needs[entry.dump_id]):
                del self.there[number]
                self.absent.discard(number)
                if self.subjects.graph.entries[number].kind != "SCHEMA":  # which may be made
                    self.lost[number] = "the project’s platform does not have it"

    def _replaced(self) -> tuple[frozenset[int], dict[tuple[str, Name, str], str]]:
        """The triggers and policies that the project has, and the statements that drop them.

        Without `clean` they stay, and the source's are left out.
        """
        numbers: set[int] = set()
        drops: dict[tuple[str, Name, str], str] = {}
        for entry in self.restored:
            table = self.subjects.table_of(entry)
            if table is None:
                continue
            name = entry.tag[len(table[1]) + 1 :]
            if name not in self.subjects.parts.get((entry.kind, table), ()):
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
            for e in self.subjects.graph.entries.values()
            if e.kind in ("POLICY", "TRIGGER") and e.dump_id in self.there
        }
        for needed, dependent in target.dependents:
            table = (dependent.schema, dependent.name)
            if dependent.kind == "TABLE" and is_platform_owner(dependent.owner):
                left = [
                    name
                    for kind in ("POLICY", "TRIGGER")
                    for name in self.subjects.parts.get((kind, table), ())
                    if (kind, table, name) not in drops and (kind, table[0], f"{table[1]} {name}") not in own
                ]
                if not left:
                    continue
            yield needed, dependent

    def _acls(self) -> Iterator[tuple[Entry, Entry]]:
        """Rights on objects of the platform, and these."""
        for entry in self.selection.entries:
            if entry.kind == "ACL" and entry.dump_id in self.there:
                whole = self.subjects.whole(entry)
                if whole is not None:
                    yield entry, whole


def _referring(target: TargetFacts, emptied: Collection[Name]) -> Iterator[Name]:
    for key in target.foreign_keys:
        if key.referenced in emptied and key.table not in emptied and key.table in target.rows_in:
            yield key.table


def _deletes(tables: tuple[Name, ...]) -> tuple[str, ...]:
    """DELETE, as nobody but a table's owner may truncate what others refer to; its triggers keep still."""
    if not tables:
        return ()
    return (AS_REPLICA, *(f"DELETE FROM {quote_qualified(*name)};" for name in tables), AS_ORIGIN)
