"""Any other PostgreSQL server."""

from __future__ import annotations

from app.domain.project_types.project_type import ProjectType

PLAIN = ProjectType(name="postgresql", title="PostgreSQL", recognises=lambda _: True)
