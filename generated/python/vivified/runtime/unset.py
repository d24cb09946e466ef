"""The difference between "not there" and "null".

An optional field that may also be null has three states: absent, null and a value. `UNSET` is
the first one. Where null is not allowed, `None` stands for absent and `UNSET` is not needed.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal

from pydantic_core import CoreSchema, core_schema


class Unset(Enum):
    """The type of `UNSET`; an enum, so that type checkers narrow on `is UNSET`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        # The text "UNSET" of an answer is text; only the object itself means absent.
        return core_schema.is_instance_schema(cls)


UNSET: Final = Unset.UNSET
"""Leave the field out."""
