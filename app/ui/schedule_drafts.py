"""What was entered on the Schedule page and not saved yet: one draft for each schedule."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from app.domain.schedule import Schedule
from app.ui.schedule_edits import as_saved


@dataclass(slots=True)
class Drafts:
    """Drafts by the ids of their schedules.

    Attributes:
        held: the drafts.
        new: the id of the one that is no schedule yet; empty where there is none.
    """

    held: dict[str, Schedule] = field(default_factory=dict)
    new: str = ""

    def begin(self, schedule: Schedule) -> None:
        """Hold the draft of a new schedule."""
        self.new = schedule.id
        self.held[schedule.id] = schedule

    def keep(self, draft: Schedule, saved: Schedule | None) -> None:
        """Hold a draft, unless it is what is saved already."""
        if saved is not None and as_saved(draft, saved) == saved:
            self.held.pop(draft.id, None)
        else:
            self.held[draft.id] = draft

    def drop(self, identity: str) -> None:
        """Let go of a draft."""
        self.held.pop(identity, None)
        if identity == self.new:
            self.new = ""

    def follow(self, projects: Sequence[str], saved: Collection[str]) -> None:
        """Let go of drafts whose schedule is gone; those of a project that is gone get the first one."""
        if not projects:
            self.held, self.new = {}, ""
        self.held = {
            identity: draft if draft.project in projects else replace(draft, project=projects[0])
            for identity, draft in self.held.items()
            if identity in saved or identity == self.new
        }
