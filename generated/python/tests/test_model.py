"""What models keep, send and print."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeAlias
from uuid import UUID

import pydantic
import pytest
from pydantic import ConfigDict, Tag

from .subject import model, unions, unset

UNSET = unset.UNSET


class Size(model.OpenStrEnum):
    SMALL = "small"


class Level(model.OpenIntEnum):
    LOW = 1


class Pet(model.Model):
    masked_fields: ClassVar[frozenset[str]] = frozenset({"owner"})
    nullable_fields: ClassVar[frozenset[str]] = frozenset({"nick", "anything"})
    constant_fields: ClassVar[frozenset[str]] = frozenset({"kind"})

    name: str
    owner: Annotated[str | None, model.wire("ownerName")] = None
    nick: str | None | unset.Unset = UNSET
    anything: Any = UNSET
    size: Size | None = None
    born: model.DateTime | None = None
    picture: model.Base64 | None = None
    kind: str = "pet"


class Closed(model.Model):
    model_config = ConfigDict(extra="ignore")

    name: str


class Secret(model.Model):
    masked_fields: ClassVar[frozenset[str]] = model.EVERYTHING

    value: str


class Cat(model.Model):
    kind: str
    lives: int


class Dog(model.Model):
    kind: str
    barks: bool


Animal: TypeAlias = Annotated[
    Annotated[Cat, Tag("Cat")]
    | Annotated[Dog, Tag("Dog")]
    | Annotated[model.UnknownVariant, Tag("UnknownVariant")],
    unions.by_tag("kind", "kind", {"cat": "Cat", "dog": "Dog"}),
]
Shaped: TypeAlias = Annotated[
    Annotated[Cat, Tag("Cat")]
    | Annotated[Dog, Tag("Dog")]
    | Annotated[model.UnknownVariant, Tag("UnknownVariant")],
    unions.by_shape({"Cat": ("lives",), "Dog": ("barks",)}),
]
Loose: TypeAlias = Annotated[int | list[int], unions.keep_unknown()]


class Zoo(model.Model):
    animals: list[Animal]


def test_only_what_is_set_is_sent() -> None:
    assert Pet(name="Rex").to_wire() == {"name": "Rex", "kind": "pet"}


def test_none_is_absent_unless_null_is_a_value() -> None:
    pet = Pet(name="Rex", owner=None, nick=None, anything=None)
    assert pet.to_wire() == {
        "name": "Rex",
        "nick": None,
        "anything": None,
        "kind": "pet",
    }
    assert Pet(name="Rex", nick=UNSET).to_wire() == {"name": "Rex", "kind": "pet"}


def test_absent_null_and_present_are_three_things() -> None:
    assert Pet.from_wire({"name": "a"}).nick is UNSET
    assert Pet.from_wire({"name": "a", "nick": None}).nick is None
    assert Pet.from_wire({"name": "a", "nick": "UNSET"}).nick == "UNSET"
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_assignment_follows_the_same_rules() -> None:
    pet = Pet(name="Rex", owner="Ada")
    pet.owner = None
    pet.nick = None
    assert pet.to_wire() == {"name": "Rex", "nick": None, "kind": "pet"}
    pet.nick = UNSET
    pet.owner = "Grace"
    assert pet.to_wire() == {"name": "Rex", "ownerName": "Grace", "kind": "pet"}


def test_unknown_fields_survive_a_round_trip() -> None:
    wire = {
        "name": "Rex",
        "kind": "pet",
        "ownerName": "Ada",
        "later": {"deep": [1, None]},
    }
    assert Pet.from_wire(wire).to_wire() == wire


def test_a_closed_model_drops_what_it_does_not_know() -> None:
    assert Closed.from_wire({"name": "a", "later": 1}).to_wire() == {"name": "a"}


def test_unknown_values_of_enumerations_survive_a_round_trip() -> None:
    pet = Pet.from_wire({"name": "a", "size": "huge"})
    assert pet.size == "huge"
    assert pet.size is not None and not pet.size.is_known
    assert Size.SMALL.is_known
    assert pet.to_wire()["size"] == "huge"
    assert Level(7) == 7 and not Level(7).is_known and str(Level(7)) == "7"
    assert f"{Size('huge')}" == "huge"
    for wrong in (5, None):
        with pytest.raises(ValueError):
            Size(wrong)
    with pytest.raises(ValueError):
        Level("x")


@pytest.mark.parametrize("union", [Animal, Shaped])
def test_a_union_is_read_by_its_strategy(union: Any) -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(union)
    assert isinstance(adapter.validate_python({"kind": "cat", "lives": 9}), Cat)
    assert isinstance(adapter.validate_python({"kind": "dog", "barks": True}), Dog)
    assert isinstance(adapter.validate_python(Cat(kind="cat", lives=9)), Cat)
    unknown = adapter.validate_python({"kind": "fish", "fins": 2})
    assert isinstance(unknown, model.UnknownVariant)
    assert unknown.to_wire() == {"kind": "fish", "fins": 2}
    assert isinstance(adapter.validate_python(unknown), model.UnknownVariant)


def test_members_of_unions_survive_inside_models() -> None:
    wire = {"animals": [{"kind": "cat", "lives": 9}, {"kind": "fish", "fins": 2}]}
    assert Zoo.from_wire(wire).to_wire() == wire


def test_a_value_that_fits_no_member_is_kept() -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(Loose)
    assert adapter.validate_python(5) == 5
    assert adapter.validate_python([1]) == [1]
    assert adapter.validate_python({"new": 1}) == {"new": 1}


def test_classified_and_unknown_fields_print_masked() -> None:
    pet = Pet.from_wire({"name": "Rex", "ownerName": "4711", "later": "4711"})
    for text in (
        repr(pet),
        str(pet),
        f"{pet}",
        f"{[pet]!r}",
        repr(list(pet.__rich_repr__())),
    ):
        assert "4711" not in text
        assert "***" in text
    assert "Rex" in repr(pet)
    assert pet.to_wire()["ownerName"] == "4711"


def test_a_classified_type_prints_nothing_of_itself() -> None:
    secret = Secret.from_wire({"value": "4711", "4711": "4711"})
    assert repr(secret) == "Secret(value=***, ***=***)"
    assert secret.to_wire() == {"value": "4711", "4711": "4711"}
    unknown = model.UnknownVariant.from_wire({"a": "4711"})
    assert "4711" not in repr(unknown)


def test_a_validation_error_shows_no_value() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Pet.from_wire({"name": ["4711"], "born": "4711"})
    assert "4711" not in str(caught.value)


def test_values_keep_their_wire_form() -> None:
    born = datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.UTC)
    pet = Pet(name="a", born=born, picture=b"\x00\xff")
    wire = pet.to_wire()
    assert wire["born"] == "2026-01-31T09:30:00Z"
    assert wire["picture"] == "AP8="
    assert Pet.from_wire(wire).picture == b"\x00\xff"
    with pytest.raises(pydantic.ValidationError):
        Pet.from_wire({"name": "a", "picture": "?"})


def test_anything_becomes_plain_json() -> None:
    value = {
        "model": Closed(name="a"),
        "list": [Size.SMALL, b"\x00", UUID(int=0)],
        "absent": UNSET,
        "date": datetime.date(2026, 1, 31),
    }
    assert model.jsonable(value) == {
        "model": {"name": "a"},
        "list": ["small", "AA==", "00000000-0000-0000-0000-000000000000"],
        "date": "2026-01-31",
    }
    literal: Literal[5] = 5
    assert model.jsonable(literal) == 5
