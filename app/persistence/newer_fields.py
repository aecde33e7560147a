"""Keeps what a newer Holdfast has written into the settings when an older one changes them."""

from __future__ import annotations


def with_newer_fields(raw: object, known: object, new: object) -> object:
    """The new settings, with every field of the file that this Holdfast does not know.

    Members of lists are told by their `id` or `name`, or, where that was changed, by their place.

    Args:
        raw: the file as it is.
        known: the part of it that was understood.
        new: what is to be written; the fields of the result stand in its order, then the unknown ones.
    """
    if isinstance(raw, dict) and isinstance(known, dict) and isinstance(new, dict):
        merged = {
            key: with_newer_fields(raw[key], known.get(key), value) if key in raw else value
            for key, value in new.items()
        }
        return merged | {key: value for key, value in raw.items() if key not in known}
    if isinstance(raw, list) and isinstance(known, list) and isinstance(new, list):
        old = dict(zip(map(_name, known), zip(raw, known, strict=True), strict=True))
        result = []
        for place, value in enumerate(new):
            pair = old.get(_name(value))
            if pair is None and len(new) == len(known) and _name(known[place]) not in map(_name, new):
                pair = raw[place], known[place]
            result.append(value if pair is None else with_newer_fields(*pair, value))
        return result
    return new


def _name(member: object) -> object:
    if isinstance(member, dict):
        return str(member.get("id") or member.get("name"))
    return str(member)
