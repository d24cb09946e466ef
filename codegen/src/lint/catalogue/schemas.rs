//! Rules about single schemas.

use super::{error, warning};
use crate::rules::Rule;

pub const SCHEMAS: &[Rule] = &[
    error(
        "enum-empty",
        "An enumeration has values.",
        "No value fits an empty one.",
        ["enum: []", "enum: [asc, desc]"],
    ),
    warning(
        "enum-repeated",
        "A value stands once in an enumeration.",
        "The second one changes nothing; perhaps another value was meant.",
        ["enum: [asc, asc]", "enum: [asc, desc]"],
    ),
    warning(
        "enum-type",
        "The values of an enumeration are of the declared type.",
        "A value of another type can never be sent. In YAML, `on` and `no` are texts, `1` is a \
            number and `true` is a truth value.",
        ["type: string\nenum: [1, 2]", "type: string\nenum: ['1', '2']"],
    ),
    error(
        "pattern-invalid",
        "A pattern is a regular expression.",
        "Validators of every target compile it. Patterns are those of ECMA-262.",
        ["pattern: '^[a-z'", "pattern: '^[a-z]+$'"],
    ),
    warning(
        "required-misplaced",
        "`required` of a schema is a list of property names.",
        "`required: true` on a property is what parameters have; on a schema it means nothing.",
        [
            "properties:\n  id: { type: string, required: true }",
            "required: [id]\nproperties:\n  id: { type: string }",
        ],
    ),
    warning(
        "required-undeclared",
        "Required properties are declared.",
        "A property that is required and described nowhere takes any JSON value. Mostly its name is \
            misspelt in one of the two places.",
        [
            "required: [nmae]\nproperties:\n  name: { type: string }",
            "required: [name]\nproperties:\n  name: { type: string }",
        ],
    ),
    error(
        "schema-invalid",
        "A schema is an object.",
        "In OAS 3.1 it can also be `true` or `false`.",
        ["schema: string", "schema: { type: string }"],
    ),
    warning(
        "type-cycle",
        "A list does not consist of itself alone.",
        "A list of lists of lists without end has no value type that a language can write. Its \
            items are read as any JSON value.",
        [
            "Nest:\n  type: array\n  items: { $ref: '#/components/schemas/Nest' }",
            "Nest:\n  type: object\n  properties:\n    inner:\n      type: array\n      items: { $ref: '#/components/schemas/Nest' }",
        ],
    ),
    error(
        "type-unknown",
        "A type is one of JSON Schema.",
        "These are string, integer, number, boolean, array, object and (in OAS 3.1) null. Dates and \
            the like are formats of a string.",
        ["type: date", "type: string\nformat: date"],
    ),
];
