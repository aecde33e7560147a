"""Carries over what belongs to a whole database: its owner, settings, comment, rights, labels and limits.

Only a new database gets them, after everything else, when it gets its name: a setting such as
`default_transaction_read_only` would hinder the restore itself. Each statement is written anew from the
names and values in the source's, because a forged one could say anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.restore import Action, Finding, RestoreOptions, Severity
from app.engine.restore.entry_graph import ABOUT, NAME, unquoted
from app.engine.restore.ownership import roles_made
from app.engine.restore.role_edits import STATEMENT, privileges_for
from app.engine.restore.wording import listed
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier, quote_literal
from app.postgres.script import Statement, read_script
from app.postgres.statement_words import Kind, Words
from app.postgres.target_facts import TargetFacts

_PROPERTIES = frozenset({"DATABASE", "DATABASE PROPERTIES"})
_ROLE = rf"(?:GROUP )?{NAME}"
_RIGHTS = re.compile(
    rf"\s*((?:GRANT|REVOKE)(?: GRANT OPTION FOR)? [A-Z, ]+ ON DATABASE) ({NAME})"
    rf"( (?:TO|FROM) {_ROLE}(?:, *{_ROLE})*(?: WITH GRANT OPTION)?(?: GRANTED BY {NAME})?)"
    r"(?: CASCADE| RESTRICT)?\s*;\s*"
)
_ACTING = re.compile(rf"\s*(?:SET SESSION AUTHORIZATION {NAME}|RESET SESSION AUTHORIZATION)\s*;\s*")
_CHANGES_WHO_ACTS = frozenset({"role", "session_authorization"})
_LOADS_CODE = frozenset({"session_preload_libraries", "local_preload_libraries", "dynamic_library_path"})
_UNREADABLE = "it is not written as pg_dump writes it"


@dataclass(frozen=True, slots=True)
class Property:
    """Something that the new database gets, all of its statements or none.

    Attributes:
        kind, name: of the entry that it comes from.
        shown: what it does, without the value of a setting, which may be a secret.
    """

    kind: str
    name: str
    statements: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What a new database gets of its source's.

    Attributes:
        properties: in the order in which they are given; the owner comes last.
        outcomes: what becomes of each entry, by dump id, and why not all of it is carried over.
    """

    properties: tuple[Property, ...] = ()
    outcomes: Mapping[int, tuple[Action, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def carry_over(entries: Iterable[Entry], target: TargetFacts, options: RestoreOptions) -> CarriedOver:
    """What the new database gets of the entries about the whole database; nothing where the target exists."""
    every = tuple(entries)
    about = [one for one in every if one.kind in _PROPERTIES or _is_about_database(one)]
    if not target.is_new or not about:
        return CarriedOver()
    made, _ = roles_made(every, target)
    return _Carrying(target, options, target.roles | made, _source_name(about)).result(about)


def _is_about_database(entry: Entry) -> bool:
    return entry.kind in ABOUT and entry.tag.startswith("DATABASE ")


def _source_name(entries: Iterable[Entry]) -> str:
    """The database's name in the source; entries of that name are about it, others about another."""
    by_kind = {entry.kind: entry.tag.removeprefix("DATABASE ") for entry in reversed(list(entries))}
    return next(by_kind[kind] for kind in ("DATABASE", "DATABASE PROPERTIES", *ABOUT) if kind in by_kind)


@dataclass(frozen=True, slots=True)
class _Part:
    """One statement of the source: what it becomes, or why it is left out."""

    what: str
    statements: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class _Carrying:
    target: TargetFacts
    options: RestoreOptions
    roles: frozenset[str]
    source: str

    def result(self, entries: Iterable[Entry]) -> CarriedOver:
        properties: list[Property] = []
        outcomes: dict[int, tuple[Action, str]] = {}
        lost: list[str] = []
        for entry in sorted(entries, key=lambda one: one.kind == "DATABASE"):
            parts = list(self._parts(entry))
            name = qualified_name(entry)
            properties += [Property(entry.kind, name, p.statements, p.what) for p in parts if p.statements]
            reasons = [f"without {part.what}: {part.why_not}" for part in parts if part.why_not]
            lost += [f"{part.what}: {part.why_not}" for part in parts if part.why_not]
            is_lost = entry.kind != "DATABASE" and bool(parts) and len(reasons) == len(parts)
            action = Action.SKIP if is_lost else Action.CHANGE if reasons else Action.CREATE
            why = "; ".join(dict.fromkeys(p.why_not for p in parts)) if is_lost else "; ".join(reasons)
            outcomes[entry.dump_id] = action, why
        return CarriedOver(tuple(properties), outcomes, tuple(self._findings(lost)))

    def _findings(self, lost: list[str]) -> Iterator[Finding]:
        if lost:
            yield Finding(
                Severity.WARNS,
                "Not all that belongs to the source's database itself is carried over",
                "\n".join(lost),
                "Set what you need for the new database.",
            )

    def _parts(self, entry: Entry) -> Iterator[_Part]:
        if entry.kind == "ACL":
            yield from self._rights(entry)
            return
        if entry.kind == "DATABASE":
            yield from self._owner(entry.owner)
            return
        definition = entry.definition.encode("utf-8", "surrogateescape")
        for item in read_script([definition]):
            if isinstance(item, Statement):
                words = Words(item.text, standard_strings=item.standard_strings)
                yield self._label(words) if entry.kind in ABOUT else self._property(words)

    @property
    def _new(self) -> str:
        return quote_identifier(self.target.database)

    def _owner(self, owner: str) -> Iterator[_Part]:
        target = self.target
        if not self.options.owner or owner in ("", target.role):
            return
        if owner not in self.roles:
            yield _Part(f"its owner {owner}", why_not=f"the target has no {listed('role', [owner])}")
        elif not target.is_superuser and owner not in target.given_to:
            yield _Part(f"its owner {owner}", why_not=f"{target.role} may not act for it")
        else:
            statement = f"ALTER DATABASE {self._new} OWNER TO {quote_identifier(owner)}"
            yield _Part(f"its owner {owner}", (statement,))

    def _property(self, words: Words) -> _Part:
        """ALTER DATABASE, and ALTER ROLE … IN DATABASE, as the entry DATABASE PROPERTIES has them."""
        role = ""
        if words.take("alter", "role") or words.take("alter", "user"):
            role = words.name()[1]
            is_readable = bool(role) and words.take("in", "database")
        else:
            is_readable = words.take("alter", "database")
        if not is_readable or words.name()[1] != self.source:
            return _Part("a statement", why_not=_UNREADABLE)
        if words.take("connection", "limit"):
            words.take("=")
            limit = "".join(token.text for token in words if token.text != ";")
            if not re.fullmatch(r"-?\d+", limit) or role:
                return _Part("its connection limit", why_not=_UNREADABLE)
            return _Part("its connection limit", (f"ALTER DATABASE {self._new} CONNECTION LIMIT {limit}",))
        if words.take("is_template"):
            return _Part("being a template", why_not="a template cannot be dropped")
        if not words.take("set"):
            return _Part("a statement", why_not=_UNREADABLE)
        return self._setting(words, role)

    def _setting(self, words: Words, role: str) -> _Part:
        schema, last = words.name()
        name = f"{schema}.{last}" if schema else last
        what = f"the setting {name}" + (f" of the role {role}" if role else "")
        if why_not := self._why_not_set(name.lower(), role):
            return _Part(what, why_not=why_not)
        if not (words.take("=") or words.one_of("to")) or not (values := list(_values(words))):
            return _Part(what, why_not=_UNREADABLE)
        whose = f"ALTER DATABASE {self._new}"
        if role:
            whose = f"ALTER ROLE {quote_identifier(role)} IN DATABASE {self._new}"
        listed_values = ", ".join(quote_literal(value) for value in values)
        return _Part(what, (f"{whose} SET {quote_identifier(name)} TO {listed_values}",))

    def _why_not_set(self, name: str, role: str) -> str:
        target = self.target
        context = target.settings.get(name, "")
        if role and role not in self.roles:
            return f"the target has no {listed('role', [role])}"
        if role and not target.is_superuser and role != target.role:
            return f"{target.role} may not change {role}"
        if name in _CHANGES_WHO_ACTS:
            return "it changes who acts in every session"
        if name in _LOADS_CODE:
            return "it loads code into every session"
        if not context and "." not in name:
            return f"PostgreSQL {target.version.major} has no such setting"
        if context not in ("", "user") or (not context and not target.is_superuser):
            return "only a superuser may set it"
        return ""

    def _label(self, words: Words) -> _Part:
        """COMMENT ON DATABASE, or SECURITY LABEL FOR … ON DATABASE."""
        what, start = "its comment", "COMMENT"
        if words.take("security", "label"):
            provider = words.next().text if words.take("for") else ""
            what, start = "its security label", f"SECURITY LABEL FOR {quote_identifier(provider)}"
            if provider not in self.target.label_providers:
                return _Part(what, why_not=f"the target has no label provider {provider}")
        elif not words.take("comment"):
            return _Part("a statement", why_not=_UNREADABLE)
        if not words.take("on", "database") or words.name()[1] != self.source or not words.take("is"):
            return _Part(what, why_not=_UNREADABLE)
        text = words.next()
        if text.kind is not Kind.STRING:
            return _Part(what, why_not=_UNREADABLE)
        return _Part(what, (f"{start} ON DATABASE {self._new} IS {quote_literal(text.text)}",))

    def _rights(self, entry: Entry) -> Iterator[_Part]:
        if not self.options.privileges:
            yield _Part("its rights", why_not="privileges were not asked for")
            return
        edited = privileges_for(entry.definition, self.roles, self.target.given_to)
        statements: list[str] = []
        for match in STATEMENT.finditer(edited.definition):
            rights = _RIGHTS.fullmatch(match[0])
            if rights and unquoted(rights[2]) == self.source:
                statements.append(f"{rights[1]} {self._new}{rights[3]}")
            elif _ACTING.fullmatch(match[0]):
                statements.append(match[0].strip())
            else:
                yield _Part("its rights", why_not=_UNREADABLE)
                return
        if statements:
            yield _Part("its rights", tuple(statements))
        if missing := edited.missing:
            yield _Part(f"rights of {listed('role', missing)}", why_not=self._why_no_rights(missing))

    def _why_no_rights(self, roles: Iterable[str]) -> str:
        missing = set(roles) - self.roles
        if missing:
            return f"the target has no {listed('role', missing)}"
        return f"{self.target.role} may not act for {listed('role', roles)}"


def _values(words: Words) -> Iterator[str]:
    """The values of a setting: strings, words or numbers between commas."""
    value: list[str] = []
    for token in words:
        if token.kind is Kind.SIGN and token.text in ",;":
            yield "".join(value)
            value = []
        else:
            value.append(token.text)
    if value:
        yield "".join(value)
