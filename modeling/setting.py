"""A typed, documented setting of a recipe: declared, read from text, checked (no Django, no torch)."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Union, get_args, get_origin


class RecipeError(ValueError):
    """The recipe cannot be followed; the message names the field and the reason."""


def setting(
    default: Any,
    doc: str,
    *,
    source: str,
    unit: str = "",
    choices: tuple[Any, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A field of a recipe's dataclass, with what it means, where it comes from and what it may be."""
    metadata = {"doc": doc, "source": source, "unit": unit, "choices": choices, "low": low, "high": high}
    return field(default=default, metadata=metadata)


def plain_types(hint: Any) -> tuple[type, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def parse(key: str, text: str, hint: Any) -> Any:
    """A setting's value from ``key=text``, of the type that ``hint`` allows; RecipeError naming the key."""
    allowed = plain_types(hint)
    if type(None) in allowed and text.lower() in ("", "none", "null"):
        return None
    if bool in allowed:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise RecipeError(f"{key}: {text!r} is not true or false")
        return text.lower() in ("true", "yes", "1")
    for kind, name in ((int, "a whole number"), (float, "a number")):
        if kind in allowed:
            try:
                return kind(text)
            except ValueError:
                raise RecipeError(f"{key}: {text!r} is not {name}") from None
    return text


def check_value(name: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> None:
    """Raise RecipeError, naming the setting, if its value is of another type or out of range."""
    allowed = plain_types(hint)
    # True is an int to Python; a count or a rate given as a truth value is a mistake.
    fits = type(value) in allowed or (float in allowed and type(value) is int)
    if not fits:
        raise RecipeError(f"{name}: {value!r} is not of type {' or '.join(t.__name__ for t in allowed)}")
    if metadata["choices"] is not None and value not in metadata["choices"]:
        raise RecipeError(f"{name}: {value!r} is none of {', '.join(map(str, metadata['choices']))}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise RecipeError(f"{name}: {value!r} is not finite")
        low, high = metadata["low"], metadata["high"]
        if (low is not None and value < low) or (high is not None and value > high):
            raise RecipeError(f"{name}: {value!r} is not between {low} and {high}")
