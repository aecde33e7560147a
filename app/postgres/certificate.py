"""Looks at the certificate that a server shows, trusted or not, for libpq does not tell of it."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

_REQUEST = struct.pack("!ii", 8, 80877103)  # SSLRequest, PostgreSQL's protocol, "Message Formats"
_COMMON_NAME = bytes.fromhex("550403")
_ORGANIZATION = bytes.fromhex("55040a")
_SEQUENCE, _SET, _OID, _VERSION = 0x30, 0x31, 0x06, 0xA0
_UTF16 = 0x1E


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What a server shows: the protocol's version, for whom the certificate is and who made it."""

    protocol: str
    subject: str
    issuer: str


def shown_certificate(host: str, port: int, seconds: float) -> ShownCertificate | None:
    """Begin TLS with a server and hang up; None when it offers none, or none that can be read.

    Nothing is checked, and nothing is sent but the wish for TLS.

    Raises:
        OSError: it cannot be reached.
    """
    with socket.create_connection((host, port), seconds) as line:
        line.sendall(_REQUEST)
        if line.recv(1) != b"S":
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with context.wrap_socket(line, server_hostname=host) as secured:
                data = secured.getpeercert(binary_form=True)
                protocol = secured.version() or "TLS"
        except ssl.SSLError:
            return None
    if data is None:
        return None
    try:
        issuer, subject = certificate_names(data)
    except (ValueError, IndexError):
        return ShownCertificate(protocol, "", "")
    return ShownCertificate(protocol, subject, issuer)


def certificate_names(data: bytes) -> tuple[str, str]:
    """Issuer and subject of a certificate in DER (RFC 5280, 4.1): common names, else organizations.

    Raises:
        ValueError: it is no certificate.
    """
    whole = _parts(_one(data, _SEQUENCE))
    fields = _parts(_content(whole[0], _SEQUENCE))
    if fields[0][0] == _VERSION:
        fields = fields[1:]
    _, _, issuer, _, subject = fields[:5]
    return _name(_content(issuer, _SEQUENCE)), _name(_content(subject, _SEQUENCE))


def _name(data: bytes) -> str:
    found: dict[bytes, str] = {}
    for group in _parts(data):
        for pair in _parts(_content(group, _SET)):
            kind, (tag, text) = _parts(_content(pair, _SEQUENCE))[:2]
            codec = "utf-16-be" if tag == _UTF16 else "utf-8"
            found.setdefault(_content(kind, _OID), text.decode(codec, "replace"))
    name = found.get(_COMMON_NAME) or found.get(_ORGANIZATION) or next(iter(found.values()), "")
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:100]


def _one(data: bytes, tag: int) -> bytes:
    parts = _parts(data)
    if not parts:
        raise ValueError("empty")
    return _content(parts[0], tag)


def _content(part: tuple[int, bytes], tag: int) -> bytes:
    if part[0] != tag:
        raise ValueError(f"tag {part[0]:#x} where {tag:#x} was expected")
    return part[1]


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element (X.690, 8.1)."""
    parts = []
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count])
            at += count
        if at + length > len(data):
            raise ValueError("cut off")
        parts.append((tag, data[at : at + length]))
        at += length
    return parts
