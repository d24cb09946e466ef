"""How a reader chooses the member of a union.

The contract compiler has settled the strategy; what is here only looks it up. A member nobody
knows is kept as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pydantic
from pydantic import Discriminator, WrapValidator

from .model import Model

UNKNOWN = "UnknownVariant"
"""The tag of `UnknownVariant`."""


def by_tag(field: str, wire_name: str, tags: Mapping[str, str]) -> Discriminator:
    """By the value of one property; `tags` maps it to the name of the member."""

    def choose(value: Mapping[str, Any]) -> str:
        found = value.get(wire_name, value.get(field))
        return tags.get(str(getattr(found, "value", found)), UNKNOWN)

    return Discriminator(_own_name_first(choose, frozenset(tags.values())))


def by_shape(members: Mapping[str, tuple[str, ...]]) -> Discriminator:
    """By the properties that only one member has; `members` maps its name to them."""

    def choose(value: Mapping[str, Any]) -> str:
        fitting = (
            name for name, keys in members.items() if all(k in value for k in keys)
        )
        return max(fitting, key=lambda name: len(members[name]), default=UNKNOWN)

    return Discriminator(_own_name_first(choose, frozenset(members)))


def keep_unknown() -> WrapValidator:
    """Tries the members in order and keeps a value that fits none of them."""

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except pydantic.ValidationError:
            return value

    return WrapValidator(validate)


def _own_name_first(
    choose: Callable[[Mapping[str, Any]], str], members: frozenset[str]
) -> Callable[[Any], str]:
    """A model that is already built says itself what it is."""

    def name_of(value: Any) -> str:
        if isinstance(value, Model):
            name = type(value).__name__
            return (
                name if name in members or name == UNKNOWN else choose(value.to_wire())
            )
        return choose(value) if isinstance(value, Mapping) else UNKNOWN

    return name_of
