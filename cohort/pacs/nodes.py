"""The archives that images may be pulled from: an operator's file, not the database.

The file decides which hosts this server connects to and holds their passwords, so it belongs to whoever
runs the server, and no page can change it. TOML, one table a node; see docs/receiving-images.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings


class NodesError(Exception):
    """The file of nodes cannot be used; the message names the node and the field."""


@dataclass(frozen=True, slots=True)
class Node:
    """One archive, reached by DICOMweb (``url``) or by C-FIND and C-MOVE (``ae_title``, host, port)."""

    name: str
    url: str = ""
    username: str = ""
    password: str = ""
    token: str = ""
    ca_file: str = ""
    ae_title: str = ""
    host: str = ""
    port: int = 104
    #: Lines of a list that are worked on at once.
    parallel: int = 2
    #: Seconds without a byte or an answer after which the archive counts as hung.
    timeout: float = 60.0

    @property
    def kind(self) -> str:
        return "dicomweb" if self.url else "dimse"

    @property
    def address(self) -> str:
        return self.url or f"{self.ae_title}@{self.host}:{self.port}"


_FIELDS = {
    "url": str, "username": str, "password": str, "password_file": str, "token": str, "token_file": str,
    "ca_file": str, "ae_title": str, "host": str, "port": int, "parallel": int, "timeout": (int, float),
}  # fmt: skip


def load() -> dict[str, Node]:
    """The nodes by name; none without a file.

    Raises
    ------
    NodesError
        Naming what is wrong with the file.
    """
    if not settings.PACS_NODES_FILE:
        return {}
    path = Path(settings.PACS_NODES_FILE)
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise NodesError(f"ODONTOID_PACS_NODES={path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise NodesError(f"{path} is not TOML: {error}") from error
    return {name: _node(name, table) for name, table in tables.items()}


def _node(name: str, table: object) -> Node:
    if not isinstance(table, dict):
        raise NodesError(f"{name} is not a table: write [{name}] above its fields")
    values = dict(table)
    for field, value in table.items():
        if field not in _FIELDS:
            raise NodesError(f"[{name}] {field} is no field; there are: {', '.join(_FIELDS)}")
        if not isinstance(value, _FIELDS[field]) or isinstance(value, bool):  # type: ignore[arg-type]
            raise NodesError(f"[{name}] {field} has the wrong type")
    for secret in ("password", "token"):
        source = values.pop(f"{secret}_file", None)
        if source:
            try:
                values[secret] = Path(source).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise NodesError(f"[{name}] {secret}_file cannot be read: {error.strerror}") from error
    node = Node(name=name, **values)
    if bool(node.url) == bool(node.ae_title):
        raise NodesError(f"[{name}] needs either url or ae_title and host")
    if node.url:
        parts = urlsplit(node.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise NodesError(f"[{name}] url is not an http(s) address without user and query")
    elif not node.host or len(node.ae_title) > 16:
        raise NodesError(f"[{name}] needs ae_title (at most 16 characters) and host")
    if node.parallel < 1 or node.timeout <= 0 or not 0 < node.port < 65536:
        raise NodesError(f"[{name}] parallel, timeout or port is out of bounds")
    return node
