"""The base of all models: what is kept, what is sent, what is printed.

- Unknown fields are kept and sent back; a type that forbids them drops them instead of failing,
  because a newer server may already send more.
- Only what was set is sent. `None` in a field that may not be null means absent.
- Printing shows `***` for classified and for unknown fields. The wire form is never masked.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, Self, TypeAlias

import pydantic
from pydantic import BeforeValidator, ConfigDict, PlainSerializer
from pydantic_core import to_jsonable_python

from .unset import UNSET

MASK: Final = "***"
EVERYTHING: Final = frozenset({"*"})
"""The value of `masked_fields` of a type that is classified as a whole."""


class _Masked:
    def __repr__(self) -> str:
        return MASK


_MASKED = _Masked()


class Model(pydantic.BaseModel):
    """A JSON object of the contract."""

    model_config = ConfigDict(
        extra="allow",
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        regex_engine="python-re",
    )

    masked_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that print as `***`."""

    nullable_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields in which `None` is the null of JSON."""

    constant_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields with one value only; they are sent without being given."""

    def model_post_init(self, context: Any, /) -> None:
        present = self.__pydantic_fields_set__
        present.update(self.constant_fields)
        for name in [name for name in present if self._is_absent(name)]:
            present.discard(name)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in self.__pydantic_fields_set__ and self._is_absent(name):
            self.__pydantic_fields_set__.discard(name)

    def _is_absent(self, name: str) -> bool:
        value = self.__dict__.get(name, MASK)
        return value is UNSET or (value is None and name not in self.nullable_fields)

    def to_wire(self) -> dict[str, Any]:
        """The JSON object as it travels: wire names, only what was set, nothing masked."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_unset=True, warnings=False
        )

    @classmethod
    def from_wire(cls, value: Any) -> Self:
        """Reads a JSON object as it travels."""
        return cls.model_validate(value)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        everything = self.masked_fields is EVERYTHING
        for name, value in self.__dict__.items():
            if name in self.__pydantic_fields_set__:
                hidden = everything or name in self.masked_fields
                yield name, _MASKED if hidden else value
        # Nobody has classified a field that nobody knows.
        for name in self.__pydantic_extra__ or {}:
            yield (MASK if everything else name), _MASKED

    # pydantic's own debugging forms go round `__repr_args__`.
    def __rich_repr__(self) -> Iterable[Any]:
        yield from self.__repr_args__()


class UnknownVariant(Model):
    """A member of a union that this version of the contract does not know. Everything is kept."""

    masked_fields: ClassVar[frozenset[str]] = EVERYTHING


class _OpenEnum(Enum):
    """Keeps values the contract does not list, so that they survive a round trip."""

    @classmethod
    def _unknown(cls, member: Any, value: object) -> Any:
        member._name_ = f"UNKNOWN({value!r})"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the contract lists this value."""
        return self._name_ in type(self)._member_map_


class OpenStrEnum(str, _OpenEnum):
    """Text values; a value that is not listed is kept as it is."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, str):
            return None
        return cls._unknown(str.__new__(cls, value), value)

    def __str__(self) -> str:
        return str(self.value)


class OpenIntEnum(int, _OpenEnum):
    """Whole numbers; a value that is not listed is kept as it is."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, int):
            return None
        return cls._unknown(int.__new__(cls, value), value)

    def __str__(self) -> str:
        return str(self.value)


def wire(name: str) -> Any:
    """The name a field travels under, where that is not its name in Python."""
    return pydantic.Field(validation_alias=name, serialization_alias=name)


def _read_base64(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _write_base64(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


Date: TypeAlias = datetime.date
DateTime: TypeAlias = datetime.datetime
Base64: TypeAlias = Annotated[
    bytes,
    BeforeValidator(_read_base64),
    PlainSerializer(_write_base64, return_type=str, when_used="json"),
]
"""Octets that travel as base64 text."""


def jsonable(value: Any) -> Any:
    """Any value of the contract as plain JSON data."""
    if isinstance(value, Model):
        return value.to_wire()
    if isinstance(value, Mapping):
        return {
            str(key): jsonable(item) for key, item in value.items() if item is not UNSET
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return _write_base64(value)
    return to_jsonable_python(value, by_alias=True)
