//! Rules about `allOf`, `oneOf` and `anyOf`.

use super::{error, warning};
use crate::rules::Rule;

pub const COMPOSITIONS: &[Rule] = &[
    error(
        "composition-cycle",
        "An `allOf` does not contain itself.",
        "A schema that extends itself has no end. Chains of more than 64 members are refused, too.",
        [
            "A:\n  allOf: [{ $ref: '#/components/schemas/A' }]",
            "A:\n  allOf: [{ $ref: '#/components/schemas/Base' }]",
        ],
    ),
    warning(
        "composition-undecidable",
        "At most one choice holds for a value.",
        "When several `oneOf` or `anyOf` must hold at once, the variants multiply. Only the \
            properties outside the choices are typed; servers still check the whole schema.",
        ["allOf:\n  - oneOf: [...]\n  - oneOf: [...]", "oneOf: [...]"],
    ),
    warning(
        "discriminator-ambiguous",
        "A discriminator tells every variant from the others.",
        "Each variant has to be an object that answers to values no other variant answers to. Where \
            that fails, the variants are told apart as if there were no discriminator.",
        [
            "mapping:\n  a: '#/components/schemas/A'",
            "mapping:\n  a: '#/components/schemas/A'\n  b: '#/components/schemas/B'",
        ],
    ),
    error(
        "discriminator-invalid",
        "A discriminator names its property.",
        "`propertyName` is required by OpenAPI.",
        ["discriminator: { mapping: {...} }", "discriminator: { propertyName: kind }"],
    ),
    error(
        "discriminator-mapping",
        "A mapping leads to schemas that are there.",
        "Each value of `mapping` is the name of a schema under `components`, or a reference.",
        ["mapping: { cat: Kat }", "mapping: { cat: Cat }"],
    ),
    warning(
        "union-undecidable",
        "Something tells the variants of a union apart.",
        "A reader decides by a tag (a discriminator, or a required property with a constant), by \
            JSON type, or by required properties that only one variant has. Failing all, it takes \
            the first variant that fits, which may be the wrong one.",
        [
            "oneOf:\n  - type: object\n    properties: { a: { type: string } }\n  - type: object\n    properties: { b: { type: string } }",
            "oneOf:\n  - type: object\n    required: [a]\n    properties: { a: { type: string } }\n  - type: object\n    required: [b]\n    properties: { b: { type: string } }",
        ],
    ),
];
