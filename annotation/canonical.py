"""One way to write a JSON value as bytes, so that a hash names a content (no Django)."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_bytes(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, no NaN: equal values give equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def sha256(value: Any) -> str:
    """sha256 of :func:`canonical_bytes`, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
