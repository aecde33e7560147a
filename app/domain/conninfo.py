"""Reads a project's connection string without libpq: the window shows it before anything heavy is loaded."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

_PAIR = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_URL = re.compile(r"postgres(ql)?://")


def conninfo_keywords(text: str) -> dict[str, str]:
    """The keywords of a string that libpq took before; for a doubtful one libpq's own reading counts."""
    if _URL.match(text):
        return _of_url(text)
    pairs = _PAIR.findall(text)
    return {name: _ESCAPE.sub(r"\1", quoted or plain) for name, quoted, plain in pairs}


def _of_url(text: str) -> dict[str, str]:
    parts = urlsplit(text)
    _, _, place = parts.netloc.rpartition("@")
    hosts, ports = [], []
    for one in place.split(","):
        host, _, port = one.rpartition(":") if re.search(r":\d*$", one) else (one, "", "")
        hosts.append(host.strip("[]"))
        ports.append(port)
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    found = {
        "host": unquote(",".join(hosts)),
        "port": ",".join(ports) if any(ports) else "",
        "user": unquote(user),
        "dbname": unquote(parts.path[1:]),
    }
    return {name: value for name, value in found.items() if value} | dict(parse_qsl(parts.query))
