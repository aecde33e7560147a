"""Chooses what of a backup goes into the scripts of Supabase's command line, as that chooses it.

The rules are those of `app.supabase.restore_rules`, as they hold for a new project, of which the platform's
part is there and nothing else; and what lies in the platform's schemas besides rows of users and files, and
triggers and policies on their tables, is left out, as `supabase db dump` leaves it out.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

from app.engine.restore.entry_graph import ABOUT, DATA, PREAMBLE, EntryGraph, entry_graph
from app.engine.restore.ownership import has_an_owner
from app.engine.restore.project_roles import ProjectRoles, plan_roles
from app.engine.restore.rights import granted
from app.engine.restore.role_edits import as_one_role, policy_for, privileges_for
from app.engine.restore.source import RestoreSource
from app.engine.restore.wording import listed
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import TargetFacts, TargetObject
from app.postgres.target_parts import PUBLIC
from app.postgres.toolchain import Version
from app.supabase.platform import (
    API_ROLES,
    OWNER,
    is_platform_owner,
    is_reserved_role,
    is_supabase,
)
from app.supabase.restore_rules import (
    Outcome,
    Subject,
    is_platform_publication,
    is_users,
    outcome_of,
)

ENDS = "\nRESET ALL;\n"
"""How each script ends."""

_SETTINGS = frozenset(
    {
        ("anon", "statement_timeout=3s"),
        ("authenticated", "statement_timeout=8s"),
        ("authenticator", "statement_timeout=8s"),
    }
)
"""What roles have set in every project."""

_OUTSIDE = ("DATABASE", "DATABASE PROPERTIES", "STATISTICS DATA")
_NOT_FOR_USERS = {
    "EVENT TRIGGER": "only a superuser may make it",
    "SUBSCRIPTION": "its connection string may hold a password",
}
_IN_EVERY_PROJECT = ("public", "extensions")
_BY_CLI = "it is in a schema that the CLI leaves out, too"
_UNKNOWN_ROLE = "the backup does not hold it; postgres owns its objects, and it gets no rights"
_ROLES_BEGIN = "-- The user's own roles; their passwords have to be set again.\n\n"
_LENDS = "GRANT CREATE ON SCHEMA "
_TAKES_BACK = "REVOKE CREATE ON SCHEMA "
_REVOKES = (
    "-- A new project gives these on all that is made in public: each object gets its own rights below.\n"
) + "".join(
    f'ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public"\n'
    f'    REVOKE ALL ON {kind} FROM "postgres", "anon", "authenticated", "service_role";\n'
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS")
)


@dataclass(frozen=True, slots=True)
class Scripts:
    """What goes into which script.

    Attributes:
        roles: the whole of the first.
        before: what the second begins with.
        schema: the entries in the second.
        after: what the second ends with.
        data: the entries in the third.
        edits_data: whether any of them is not as it is in the archive.
        left_out: what of the user's is in none, and why.
        notes: what is to be done beside them.
    """

    roles: str
    before: str
    schema: tuple[Entry, ...]
    after: str
    data: tuple[Entry, ...]
    edits_data: bool
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def choose_scripts(source: RestoreSource) -> Scripts:
    """Choose from a source that is an archive."""
    return _Choosing(source).result()


@dataclass(slots=True)
class _Choosing:
    source: RestoreSource
    graph: EntryGraph = field(init=False)
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = entry_graph(self.source.entries)

    def result(self) -> Scripts:
        entries = self.source.entries
        kept = [entry for entry in entries if self._is_kept(entry)]
        planned = plan_roles(kept, self.graph, self.source.roles, self._new_project(), everything=True)
        roles = planned.target.roles
        fitted = [
            (entry, edited)
            for entry in kept
            if (edited := self._fitted(self._with_owner(entry, roles), roles, planned)) is not None
        ]
        data = [both for both in fitted if _is_data(both[0])]
        is_project = is_supabase(
            {entry.owner for entry in entries}, {entry.tag for entry in entries if entry.kind == "SCHEMA"}
        )
        before, after = planned.before, planned.after
        return Scripts(
            roles=_ROLES_BEGIN + _lines(one for one in before if not one.startswith(_LENDS)) + ENDS,
            before=(_REVOKES if is_project else "") + _lines(one for one in before if one.startswith(_LENDS)),
            schema=tuple(edited for entry, edited in fitted if entry.kind in PREAMBLE or not _is_data(entry)),
            after=_lines(one for one in after if one.startswith(_TAKES_BACK)) + ENDS,
            data=tuple(edited for _, edited in data),
            edits_data=any(entry != edited for entry, edited in data),
            left_out=tuple(f"{name}: {reason}" for name, reason in self.left_out.items()),
            notes=(
                *(". ".join(filter(None, (one.title, one.detail, one.hint))) for one in planned.findings),
                *(f"When all three have run: {one}" for one in after if not one.startswith(_TAKES_BACK)),
            ),
        )

    def _new_project(self) -> TargetFacts:
        """What a restore into a new project would find."""
        reserved = filter(is_reserved_role, self.source.roles.attributes)
        return TargetFacts(
            database="postgres",
            version=self.source.server or Version(0, 0),
            role=OWNER,
            may_create_roles=True,
            roles=frozenset(reserved) | API_ROLES | {OWNER, "authenticator"},
            given_to=frozenset({OWNER}),
            admin_of=API_ROLES | {"authenticator"},
            objects=(TargetObject("SCHEMA", "", "public"),),
            role_settings=_SETTINGS,
        )

    def _is_kept(self, entry: Entry) -> bool:
        if entry.kind in PREAMBLE:
            return True
        kind = entry.kind
        if kind in ABOUT:
            kind = next(
                (one for one in _NOT_FOR_USERS if entry.tag.startswith(f"{one} ")), entry.tag.split()[0]
            )
        if kind in _OUTSIDE or (kind == "SCHEMA" and entry.kind == kind and entry.tag in _IN_EVERY_PROJECT):
            return False
        whole = self._whole(entry)
        subject = self._subject(entry, whole)
        outcome, _ = outcome_of(subject)
        reason = ""
        if kind in _NOT_FOR_USERS and not subject.is_by_platform:
            reason = _NOT_FOR_USERS[kind]
        elif outcome is Outcome.LOST or (outcome is Outcome.ORDINARY and subject.is_on_platform):
            reason = _BY_CLI
        elif outcome is not Outcome.THERE:
            return True
        if reason and entry.kind not in ABOUT and (whole is None or whole.kind == "SCHEMA"):
            self.left_out[f"{entry.kind} {qualified_name(entry)}"] = reason
        elif outcome is Outcome.THERE and entry.kind == "ACL":
            self._note_rights(entry, subject)
        return False

    def _note_rights(self, entry: Entry, subject: Subject) -> None:
        """What the user's own roles may do with an object of the platform is not passed on."""
        own = [role for role in granted([entry]) if role != PUBLIC and not is_reserved_role(role)]
        if own and subject.is_on_platform:
            name = f"{subject.schema}.{entry.tag.partition(' ')[2]}" if entry.schema else entry.tag
            self.left_out[f"rights of {listed('role', own)} on {name}"] = "the object is the platform's"

    def _subject(self, entry: Entry, whole: Entry | None) -> Subject:
        about = whole if entry.kind in ABOUT and whole is not None else entry
        schema = about.tag if about.kind == "SCHEMA" else entry.schema
        if entry.kind in ABOUT and entry.tag.startswith("SCHEMA "):
            schema = entry.tag.removeprefix("SCHEMA ")
        subject = Subject(
            entry=entry,
            schema=schema,
            owner=about.owner or entry.owner,
            whole_is_here=whole is not None and is_platform_owner(whole.owner),
            may_write=True,
        )
        if subject.is_on_table:
            return replace(subject, is_here=not is_users(subject))
        is_here = entry.kind == "PUBLICATION" and is_platform_publication(entry.tag)
        return replace(subject, is_here=is_here or subject.is_by_platform)

    def _whole(self, entry: Entry) -> Entry | None:
        """The table, type or the like that an entry is a part of, at any distance; None where it is none."""
        number = entry.dump_id
        while number in self.graph.part_of:
            number = self.graph.part_of[number]
        return self.graph.entries[number] if number != entry.dump_id else None

    def _with_owner(self, entry: Entry, roles: Container[str]) -> Entry:
        """The entry with an owner that a new project has: the user's, for what was the platform's role's."""
        if not has_an_owner(entry) or entry.owner in ("", "pg_database_owner"):
            return entry
        if is_platform_owner(entry.owner):
            return replace(entry, owner=OWNER)
        if entry.owner not in roles:
            self.left_out[f"role {entry.owner}"] = _UNKNOWN_ROLE
            return replace(entry, owner=OWNER)
        return entry

    def _fitted(self, entry: Entry, roles: Container[str], planned: ProjectRoles) -> Entry | None:
        """The entry as the role of a new project can restore it; None where nothing is left."""
        if entry.kind in ("ACL", "DEFAULT ACL"):
            edit = privileges_for(as_one_role(entry.definition), roles, roles)
        elif entry.kind == "POLICY":
            edit = policy_for(entry.definition, roles)
        else:
            lent = planned.on_creation.get(entry.dump_id, "")
            return replace(entry, definition=f"{entry.definition}{lent}\n") if lent else entry
        for role in edit.missing:
            self.left_out[f"role {role}"] = _UNKNOWN_ROLE
        return replace(entry, definition=edit.definition) if edit.definition.strip() else None


def _is_data(entry: Entry) -> bool:
    about_large_object = entry.kind in ABOUT and entry.tag.startswith(("LARGE OBJECT ", "LARGE OBJECTS "))
    return entry.kind in DATA or entry.kind in PREAMBLE or about_large_object


def _lines(statements: Iterable[str]) -> str:
    return "".join(f"{one}\n" for one in statements)
