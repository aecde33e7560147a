"""Fits a dump to its target: what is left out, what is changed, and why.

Leaving out is preferred to changing, because an archive of which no definition changes need not be written
anew. An entry that needs what is left out is left out with it; when that costs rows, the plan is blocked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.restore import Finding, RestoreOptions, Severity
from app.engine.restore.entry_graph import ABOUT, NAME, PREAMBLE, ROUTINES, EntryGraph, unquoted
from app.engine.restore.extension_rows import rows_of_missing_extensions
from app.engine.restore.ownership import fit_owners, other_roles, role_findings, roles_made, why_no_role
from app.engine.restore.role_edits import as_one_role, mapped_role, policy_for, privileges_for
from app.engine.restore.selection import Selection
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.wording import NAMES_SHOWN, listed, some
from app.engine.restore_list import qualified_name, without_version_options
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import TargetFacts

_SUPERUSER_ONLY = frozenset(
    [
        "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER",
        "ACCESS METHOD",
        "OPERATOR CLASS",
        "OPERATOR FAMILY",
        "PROCEDURAL LANGUAGE",
        "TEXT SEARCH PARSER",
        "TEXT SEARCH TEMPLATE",
        "SHELL TYPE",
        "PUBLICATION TABLES IN SCHEMA",
    ]
)
_OF_SERVER = frozenset({"DATABASE", "DATABASE PROPERTIES", "TABLESPACE"})
_REACHES_OUT = frozenset({"SERVER", "USER MAPPING", "FOREIGN TABLE", "EVENT TRIGGER"})
_SUPERUSER = "only a superuser can create it"
_UNTRUSTED = re.compile(r"\bLANGUAGE (?:'?c'?|internal|\w+u)\b", re.IGNORECASE)
_BASE_TYPE = re.compile(r"^CREATE TYPE [^(;]*\(\s*(?:INTERNALLENGTH|INPUT)\b")
_FOR_ALL = re.compile(r"\bFOR (?:ALL TABLES|TABLES IN SCHEMA)\b")
_UNCONNECTED = re.compile(r"\bconnect = '?false\b")
_LABEL_PROVIDER = re.compile(rf"SECURITY LABEL FOR ({NAME}) ON")
_COLLATED = re.compile(rf"\bCOLLATE pg_catalog\.({NAME})")
_IN_SCHEMA = re.compile(rf"\bWITH SCHEMA ({NAME})")
_ICU = re.compile(r"\bprovider = icu\b")
_STATISTICS_SINCE = 18


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A dump as one target takes it.

    Attributes:
        entries: those to restore, some of them edited, in the dump's order.
        skipped: why the others are left out, by dump id.
        there: dump ids of those among `skipped` that the target has already.
        changed: how a definition was edited, by dump id.
        findings: what the user should know of this.
        options: for pg_restore.
        drops_owners: whether the restoring role gets all objects (for scripts: drop each `OWNER TO`).
        drops_tablespaces: whether tablespaces are passed over.
        drops_access_methods: whether tables get the target's own access method.
        is_edited: whether an archive has to be written anew.
    """

    entries: tuple[Entry, ...]
    skipped: Mapping[int, str]
    there: frozenset[int]
    changed: Mapping[int, str]
    findings: tuple[Finding, ...]
    options: tuple[str, ...] = ()
    drops_owners: bool = False
    drops_tablespaces: bool = False
    drops_access_methods: bool = False
    is_edited: bool = False


def adapt(
    selection: Selection,
    graph: EntryGraph,
    source: SourceFacts,
    target: TargetFacts,
    options: RestoreOptions,
    *,
    present: Mapping[int, str] | None = None,
    lost: Mapping[int, str] | None = None,
) -> Adaptation:
    """Fit the selected entries to a target.

    Args:
        present: why entries are skipped that the target has already, where that was found before.
        lost: why entries cannot be restored, where that was found before.
    """
    made, there = roles_made(selection.entries, target)
    if made:
        given_to = target.given_to | made if target.is_superuser else target.given_to
        target = replace(target, roles=target.roles | made, given_to=given_to)
    gone = dict(lost or {})
    found = {number: reason for number, reason in {**(present or {}), **there}.items() if number not in gone}
    return _Adapting(selection, graph, source, target, options, found, gone).result()


@dataclass(slots=True)
class _Adapting:
    selection: Selection
    graph: EntryGraph
    source: SourceFacts
    target: TargetFacts
    options: RestoreOptions
    there: dict[int, str]
    lost: dict[int, str] = field(default_factory=dict)
    edited: dict[int, Entry] = field(default_factory=dict)
    changed: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    role_users: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    owners_missing: frozenset[str] = frozenset()
    configuration: Mapping[int, str] = field(default_factory=dict)

    def result(self) -> Adaptation:
        for entry in self.selection.entries:
            if entry.kind not in PREAMBLE:
                self._judge(entry)
        self.configuration = rows_of_missing_extensions(
            self.selection.entries, self.graph, self.target, self.lost
        )
        self.lost |= self.configuration
        self._follow_extensions()
        self._follow_lost()
        self._find_lost()
        self._find_collations()
        flags = self._owners()
        self._find_roles()
        kept = self._kept()
        spaces = {entry.tablespace for entry in kept} - self.target.tablespaces - {""}
        methods = {entry.access_method for entry in kept} - self.target.access_methods - {""}
        if spaces:
            self._inform(f"The target has no {listed('tablespace', spaces)}: its own is used")
        if methods:
            self._warn(f"The target has no {listed('table access method', methods)}: its own is used")
        known = {entry.dump_id for entry in kept}
        return Adaptation(
            kept,
            {**self.lost, **self.there},
            frozenset(self.there),
            {number: reason for number, reason in self.changed.items() if number in known},
            tuple(self.findings),
            self._pg_restore_options(flags, bool(spaces), bool(methods)),
            flags,
            bool(spaces),
            bool(methods),
            any(number in known for number in self.edited),
        )

    def _pg_restore_options(self, no_owner: bool, no_spaces: bool, no_methods: bool) -> tuple[str, ...]:
        wanted = {
            "--no-owner": no_owner,
            "--no-privileges": not self.options.privileges,
            "--no-tablespaces": no_spaces,
            "--no-table-access-method": no_methods,
        }
        return tuple(option for option, is_wanted in wanted.items() if is_wanted)

    def _judge(self, entry: Entry) -> None:
        number, kind = entry.dump_id, entry.kind
        if number in self.there or number in self.lost:
            return
        if reason := self._why_lost(entry):
            self.lost[number] = reason
        elif kind in ("SCHEMA", "EXTENSION", "FOREIGN DATA WRAPPER", "PROCEDURAL LANGUAGE", "COMMENT", "ACL"):
            self._judge_present(entry)
        if number not in self.lost and number not in self.there:
            self._edit(entry)

    def _why_lost(self, entry: Entry) -> str:
        kind, definition, target = entry.kind, entry.definition, self.target
        about = entry.tag.partition(" ")[0] if kind in ABOUT else ""
        if kind in _OF_SERVER or about in _OF_SERVER:
            if target.is_new:
                return "what belongs to a whole database is not carried over: set it for the new one"
            return "it belongs to the server or the whole database, which stay as they are"
        if kind in ("ACL", "DEFAULT ACL") and not self.options.privileges:
            return "privileges were not asked for"
        if kind == "STATISTICS DATA" and target.version.major < _STATISTICS_SINCE:
            return f"PostgreSQL {target.version.major} cannot take statistics; ANALYZE makes new ones"
        if kind == "SECURITY LABEL":
            match = _LABEL_PROVIDER.search(definition)
            if match and unquoted(match[1]) not in target.label_providers:
                return f"the target has no label provider {match[1]}"
        if kind == "COLLATION" and _ICU.search(definition) and not target.has_icu:
            return "the target was built without ICU"
        if kind in ("ROLE", "ROLE MEMBERSHIP"):
            return why_no_role(entry, target)
        if kind == "SUBSCRIPTION" and not target.may_subscribe:
            return "only a superuser or a member of pg_create_subscription can create it"
        if kind == "SUBSCRIPTION" and not _UNCONNECTED.search(definition):
            return "it would begin to replicate at once"
        if not target.is_superuser and self._needs_superuser(entry) and not self._is_present(entry):
            return _SUPERUSER
        return ""

    def _needs_superuser(self, entry: Entry) -> bool:
        kind, definition = entry.kind, entry.definition
        if kind in ROUTINES:
            return _UNTRUSTED.search(definition.partition("AS ")[0]) is not None
        return (
            kind in _SUPERUSER_ONLY
            or (kind == "TYPE" and _BASE_TYPE.match(definition) is not None)
            or (kind == "PUBLICATION" and _FOR_ALL.search(definition) is not None)
            or (kind == "ACL" and self._is_of_extension(entry))
        )

    def _is_of_extension(self, entry: Entry) -> bool:
        """Whether privileges are those of an extension's member, of which a dump has nothing else."""
        is_named = entry.tag.startswith(("SCHEMA ", "LARGE OBJECT"))
        return entry.dump_id not in self.graph.part_of and not is_named

    def _is_present(self, entry: Entry) -> bool:
        if entry.kind == "PROCEDURAL LANGUAGE":
            return entry.tag in self.target.languages
        return any(
            (one.kind, one.name) == (entry.kind, entry.tag) for one in self.target.objects if not one.schema
        )

    def _judge_present(self, entry: Entry) -> None:
        """Skip what the target has, and what is said of it where only its owner may say it."""
        number, kind = entry.dump_id, entry.kind
        if kind in ABOUT:
            whole = self.graph.entries.get(self.graph.part_of.get(number, 0))
            if entry.tag == "SCHEMA public" or (whole and whole.kind == "SCHEMA"):
                name = whole.tag if whole else "public"
                owned = [
                    one.is_mine for one in self.target.objects if (one.kind, one.name) == ("SCHEMA", name)
                ]
                if owned and not owned[0]:
                    self.there[number] = "the schema belongs to another role"
            elif whole and whole.dump_id in self.there and whole.kind == "EXTENSION":
                self.there[number] = "the target's own extension has its own"
        elif kind == "EXTENSION":
            self._judge_extension(entry)
        elif self._is_present(entry):
            self.there[number] = "the target has it already"
        elif kind == "SCHEMA" and not self.target.may_create_here:
            self._block(
                f"The role {self.target.role} may not create the schema {entry.tag}",
                hint=f"GRANT CREATE ON DATABASE {self.target.database} TO {self.target.role};",
            )

    def _judge_extension(self, entry: Entry) -> None:
        name, target = entry.tag.strip('"'), self.target
        place = _IN_SCHEMA.search(entry.definition)
        if name in target.extensions:
            self.there[entry.dump_id] = "the target has it already"
            wanted = unquoted(place[1]) if place else ""
            if wanted not in ("", target.extensions[name]) and self._dependents(entry.dump_id):
                self._block(
                    f"The extension {name} is in the schema {target.extensions[name]} of the target",
                    detail=f"The source expects it in {wanted}",
                    hint=f"ALTER EXTENSION {name} SET SCHEMA {wanted}; or restore into a new database.",
                )
        elif name not in target.available:
            self.lost[entry.dump_id] = "the target's server does not have this extension"
        elif target.available[name].needs_superuser and not (target.is_superuser or target.is_hosted):
            self.lost[entry.dump_id] = _SUPERUSER

    def _dependents(self, number: int) -> list[Entry]:
        return [
            entry
            for entry in self.selection.entries
            if number in self.graph.needs[entry.dump_id]
            and entry.kind not in ABOUT
            and entry.dump_id not in self.lost
        ]

    def _follow_extensions(self) -> None:
        """Block what needs an extension that cannot be had; one that nothing needs is only left out."""
        for number, reason in tuple(self.lost.items()):
            entry = self.graph.entries[number]
            if entry.kind != "EXTENSION":
                continue
            dependents = self._dependents(number)
            names = some(qualified_name(one) for one in dependents)
            title = f"The extension {entry.tag} cannot be had on the target: {reason}"
            costs_more = any(one.kind not in _REACHES_OUT for one in dependents)
            if costs_more and not self._is_guess(number):
                hint = f"Install it there first, or have a superuser run CREATE EXTENSION {entry.tag}."
                self._block(title, f"Needed by {names}", hint)
            elif dependents:
                self._warn(title, f"Needed by {names}")
            else:
                self._warn(title, "Nothing else in the source needs it")

    def _is_guess(self, extension: int) -> bool:
        """In a script, names in a schema with several extensions may be any one's."""
        if not self.graph.is_script:
            return False
        place = _IN_SCHEMA.search(self.graph.entries[extension].definition)
        others = [
            one for one in self.graph.entries.values() if one.kind == "EXTENSION" and one.dump_id != extension
        ]
        return any(place and place[0] in one.definition for one in others)

    def _follow_lost(self) -> None:
        """Leave out what needs what is left out, and parts of what is there already."""
        before = -1
        while before != len(self.lost) + len(self.there):
            before = len(self.lost) + len(self.there)
            for entry in self.selection.entries:
                number = entry.dump_id
                if number in self.lost or number in self.there:
                    continue
                for needed in self.graph.needs[number]:
                    if needed in self.lost and self._takes_along(needed, entry):
                        cause = self.graph.entries[needed]
                        self.lost[number] = (
                            f"it needs {cause.kind} {qualified_name(cause)}, which is left out"
                        )
                        break

    def _takes_along(self, needed: int, entry: Entry) -> bool:
        kind = self.graph.entries[needed].kind
        if kind == "EXTENSION" and self._is_guess(needed):
            return entry.kind in ABOUT and entry.dump_id not in self.graph.part_of
        return kind not in ABOUT and kind not in ("TABLE DATA", "MATERIALIZED VIEW DATA", "DATABASE")

    def _find_lost(self) -> None:
        rows = [
            number
            for number in self.lost
            if self.graph.entries[number].kind in ("TABLE", "TABLE DATA") and number not in self.configuration
        ]
        if rows:
            self._block(
                "Tables cannot be restored because of what they need",
                "; ".join(
                    f"{qualified_name(self.graph.entries[n])}: {self.lost[n]}" for n in rows[:NAMES_SHOWN]
                ),
            )
        quiet = {*ABOUT, *_OF_SERVER, "TABLE", "TABLE DATA", "EXTENSION", "DEFAULT ACL", "STATISTICS DATA"}
        told = set(self.configuration).union(*self.role_users.values())
        if self.configuration:
            self._warn(
                "Rows of extensions that the target will not have are left out",
                "; ".join(
                    f"{qualified_name(self.graph.entries[n])}: {self.configuration[n]}"
                    for n in list(self.configuration)[:NAMES_SHOWN]
                ),
                "Install the extension on the target first, and they come along.",
            )
        by_reason: dict[str, list[Entry]] = defaultdict(list)
        for number, reason in self.lost.items():
            if self.graph.entries[number].kind not in quiet and number not in told:
                by_reason[reason].append(self.graph.entries[number])
        for reason, entries in by_reason.items():
            names = some(f"{one.kind} {qualified_name(one)}" for one in entries)
            self._warn(f"Left out: {reason}", names)
        kept = [
            one
            for one in self.selection.entries
            if one.kind == "SUBSCRIPTION" and one.dump_id not in self.lost
        ]
        if kept:
            self._inform("Subscriptions are restored switched off", some(one.tag for one in kept))

    def _find_collations(self) -> None:
        users: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.selection.entries:
            if entry.dump_id not in self.lost and entry.dump_id not in self.there:
                for name in _COLLATED.findall(entry.definition):
                    if unquoted(name) not in self.target.collations:
                        users[unquoted(name)].append(entry)
        for name, entries in users.items():
            self._block(
                f"The target has no collation {name}",
                f"Needed by {some(qualified_name(one) for one in entries)}",
                "The server was built without ICU, or its system lacks the locale.",
            )

    def _edit(self, entry: Entry) -> None:
        kind, number = entry.kind, entry.dump_id
        if kind in ("ACL", "DEFAULT ACL"):
            edited = privileges_for(entry.definition, self.target.roles, self.target.given_to)
            alone = as_one_role(edited.definition)
            if not self.target.is_superuser and self.source.can_edit and alone != edited.definition:
                edited = replace(edited, definition=alone)
                self._change(number, replace(entry, definition=alone), f"granted by {self.target.role}")
            self._take_roles(entry, edited.definition, edited.missing, "not granted to")
        elif kind == "POLICY":
            edited = policy_for(entry.definition, self.target.roles)
            self._take_roles(entry, edited.definition, edited.missing, "without")
        elif kind == "USER MAPPING":
            self._take_roles(entry, "", mapped_role(entry.definition, self.target.roles), "without")
        elif kind in ("TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW"):
            definition = without_version_options(entry.definition)
            if definition != entry.definition:
                self._change(number, replace(entry, definition=definition), "without the option pg_attver")

    def _take_roles(self, entry: Entry, definition: str, missing: Iterable[str], how: str) -> None:
        roles = tuple(missing)
        if not roles:
            return
        for role in roles:
            self.role_users[role].add(entry.dump_id)
        if definition.strip() and self.source.can_edit:
            self._change(
                entry.dump_id, replace(entry, definition=definition), f"{how} {listed('role', roles)}"
            )
        elif set(roles) - self.target.roles:
            self.lost[entry.dump_id] = f"the target has no {listed('role', set(roles) - self.target.roles)}"
        else:
            self.lost[entry.dump_id] = f"{self.target.role} may not act for {listed('role', roles)}"
        is_lost = entry.dump_id in self.lost
        if is_lost and entry.kind == "ACL" and " FROM PUBLIC" in entry.definition and definition.strip():
            self._warn(
                f"Rights that were taken from everybody stay: {qualified_name(entry)}",
                hint="Create the roles first, or unpack the source, and nothing is lost.",
            )

    def _change(self, number: int, entry: Entry, how: str) -> None:
        self.edited[number] = entry
        self.changed[number] = how

    def _owners(self) -> bool:
        """Give owners where they can be had; whether none are given."""
        if not self.options.owner:
            return True
        fit = fit_owners(self._kept(), self.target, can_edit=self.source.can_edit)
        self.owners_missing |= fit.missing
        self.findings += fit.findings
        for entry in fit.edited:
            self.edited[entry.dump_id] = entry
            owner = self.graph.entries[entry.dump_id].owner
            self.changed.setdefault(entry.dump_id, f"belongs to {self.target.role} instead of {owner}")
        return fit.drops_all

    def _find_roles(self) -> None:
        numbers = set().union(*self.role_users.values())
        named = set(self.role_users)
        missing = (named | self.owners_missing) - self.target.roles
        if self.source.is_script:
            self.findings += other_roles(missing, self.target, self.source.roles)
        self.findings += role_findings(
            missing,
            named & self.target.roles,
            [entry for entry in self.selection.entries if entry.dump_id in numbers],
            self.lost,
            self.target,
            definitions=self.source.roles,
        )

    def _kept(self) -> tuple[Entry, ...]:
        return tuple(
            self.edited.get(entry.dump_id, entry)
            for entry in self.selection.entries
            if entry.dump_id not in self.lost and entry.dump_id not in self.there
        )

    def _block(self, title: str, detail: str = "", hint: str = "") -> None:
        self.findings.append(Finding(Severity.BLOCKS, title, detail, hint))

    def _warn(self, title: str, detail: str = "", hint: str = "") -> None:
        self.findings.append(Finding(Severity.WARNS, title, detail, hint))

    def _inform(self, title: str, detail: str = "") -> None:
        self.findings.append(Finding(Severity.INFORMS, title, detail))
