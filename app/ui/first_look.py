"""The two settings that the window's first painting needs, read before anything that takes long to load."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.domain.preferences import Appearance
from app.system.paths import config_folder


@dataclass(frozen=True, slots=True)
class FirstLook:
    """How the window looks.

    Attributes:
        appearance: light, dark or the system's.
        language: as two letters; the system's where it is empty.
    """

    appearance: Appearance = Appearance.SYSTEM
    language: str = ""


def first_look() -> FirstLook:
    """As the settings say; where they cannot be read, as on a first start: who reads the rest says why."""
    try:
        found = json.loads((config_folder() / "settings.json").read_bytes())
        look = FirstLook()
        return FirstLook(
            Appearance(found.get("appearance", look.appearance)), str(found.get("language", look.language))
        )
    except (OSError, ValueError, AttributeError):
        return FirstLook()
