"""Says, as a list of rules, what of a dump a Supabase project takes and why it does not take the rest.

A project has the platform's schemas, tables and functions already, and lets nobody replace them. What a user
put there comes back: rows, triggers, policies. *Not verified against the hosted service.*
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.postgres.archive_entry import Entry
from app.supabase.platform import has_user_rows, is_platform_owner, is_platform_schema

_EXECUTES = re.compile(r'\bEXECUTE (?:FUNCTION|PROCEDURE) (?:"((?:[^"]|"")+)"|([\w$]+))\.')
_ABOUT = frozenset({"COMMENT", "SECURITY LABEL"})
_ROWS = frozenset({"TABLE DATA", "SEQUENCE SET", "MATERIALIZED VIEW DATA", "STATISTICS DATA"})
_ROWS_OF_TOOLS = frozenset({"cron", "dbdev", "net", "pgmq", "supabase_functions"})
"""Whose rows are the user's, in tables that extensions made and that the target may not let be written."""


class Outcome(StrEnum):
    """What becomes of an entry in a Supabase project."""

    ORDINARY = "ordinary"
    """As in any database."""
    RESTORED = "restored"
    """Put onto an object of the platform."""
    THERE = "there"
    """The project has its own."""
    LOST = "lost"
    """It was the user's, but this project cannot take it: a warning."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An entry, with what the rules ask about it.

    Attributes:
        schema: that it lies in; of what is said about a schema, that schema.
        owner: of the object that it is, or is a part of.
        is_here: whether the target has such an object.
        whole_is_here: whether the target has the object that it is a part of.
        is_mine: whether the target's object, or the one that it is a part of, is the user's.
        may_write: of rows and positions: whether the role may write them in the target.
        may_create: whether the role may create objects in the schema.
    """

    entry: Entry
    schema: str
    owner: str
    is_here: bool = False
    whole_is_here: bool = False
    is_mine: bool = False
    may_write: bool = False
    may_create: bool = False

    @property
    def kind(self) -> str:
        """Of the entry."""
        return self.entry.kind

    @property
    def is_on_platform(self) -> bool:
        """Whether it lies in a schema that is the platform's."""
        return is_platform_schema(self.schema)

    @property
    def is_by_platform(self) -> bool:
        """Whether it belongs to one of the platform's roles."""
        return is_platform_owner(self.owner)

    @property
    def has_user_rows(self) -> bool:
        """Whether it is rows, or a sequence's position, of a platform's table that users fill."""
        return self.kind in ("TABLE DATA", "SEQUENCE SET") and has_user_rows(self.schema, self.entry.tag)

    @property
    def is_taken(self) -> bool:
        """Whether the platform's own object is in its place."""
        return (self.is_here or self.whole_is_here) and not self.is_mine

    @property
    def is_on_table(self) -> bool:
        """Whether it is a policy or trigger on a platform's table."""
        return self.kind in ("POLICY", "TRIGGER") and self.is_on_platform


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: to what it applies, what follows, and why, as a user reads it in a plan."""

    applies: Callable[[Subject], bool]
    outcome: Outcome
    reason: str = ""


RULES: tuple[Rule, ...] = (
    Rule(
        lambda one: one.kind == "EVENT TRIGGER" and one.is_by_platform,
        Outcome.THERE,
        "the platform’s own event trigger, which a project has by itself",
    ),
    Rule(
        lambda one: one.kind == "DEFAULT ACL" and one.is_by_platform,
        Outcome.THERE,
        "default privileges of the platform’s own role stay as the project has them",
    ),
    Rule(
        lambda one: one.kind in _ABOUT and one.entry.tag.startswith("EXTENSION "),
        Outcome.THERE,
        "an extension brings its own comment",
    ),
    Rule(
        lambda one: one.kind == "PUBLICATION" and one.is_here and is_platform_publication(one.entry.tag),
        Outcome.THERE,
        "every project has it; the source’s tables are added to it",
    ),
    Rule(
        lambda one: one.kind == "PUBLICATION TABLE" and one.is_on_platform and one.is_here,
        Outcome.THERE,
        "the project’s publication has it already",
    ),
    Rule(
        lambda one: one.kind == "TABLE DATA" and one.schema == "vault",
        Outcome.THERE,
        "secrets are encrypted with a key of the source’s project",
    ),
    Rule(lambda one: one.has_user_rows and one.may_write, Outcome.RESTORED),
    Rule(
        lambda one: one.has_user_rows and not one.whole_is_here,
        Outcome.LOST,
        "the project has no such table: its platform is of another version",
    ),
    Rule(
        lambda one: one.has_user_rows and not one.is_mine,
        Outcome.LOST,
        "the project’s role may not write them",
    ),
    Rule(
        lambda one: one.kind == "TABLE DATA" and one.schema in _ROWS_OF_TOOLS and one.may_write,
        Outcome.RESTORED,
    ),
    Rule(
        lambda one: one.kind == "TABLE DATA" and one.schema in _ROWS_OF_TOOLS and not one.is_mine,
        Outcome.LOST,
        "the project’s role may not write them, or their extension is not there yet",
    ),
    Rule(
        lambda one: one.kind in _ROWS and one.is_on_platform and (one.is_by_platform or one.is_taken),
        Outcome.THERE,
        "rows of the platform, of which the project has its own",
    ),
    Rule(
        lambda one: one.is_on_table and one.whole_is_here and (not one.is_here or is_users(one)),
        Outcome.RESTORED,
    ),
    Rule(
        lambda one: one.is_on_platform and (one.is_by_platform or one.is_taken),
        Outcome.THERE,
        "the platform’s own, which a project has by itself",
    ),
    Rule(
        lambda one: one.is_on_platform and one.kind != "SCHEMA" and not one.may_create and not one.is_mine,
        Outcome.LOST,
        "nobody but the platform may create anything in its schema",
    ),
)
"""In order: the first that applies decides; what none applies to is an ordinary object."""


def outcome_of(subject: Subject) -> tuple[Outcome, str]:
    """What becomes of an entry, and why."""
    for rule in RULES:
        if rule.applies(subject):
            return rule.outcome, rule.reason
    return Outcome.ORDINARY, ""


def is_platform_publication(name: str) -> bool:
    """Whether a publication is one that every project has."""
    return name.startswith("supabase_realtime")


def is_users(one: Subject) -> bool:
    """Whether a trigger or policy on the platform's tables is the user's rather than the platform's.

    The platform makes no policies on tables whose rows are the user's; its triggers run its own functions.
    """
    if one.kind == "POLICY":
        return True
    executes = _EXECUTES.search(one.entry.definition)
    if executes is None:
        return False
    schema = executes[1].replace('""', '"') if executes[1] else executes[2].lower()
    return not is_platform_schema(schema)
