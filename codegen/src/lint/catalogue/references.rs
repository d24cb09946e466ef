//! Rules about `$ref`.

use super::{error, warning};
use crate::rules::Rule;

pub const REFERENCES: &[Rule] = &[
    error(
        "reference-cycle",
        "A reference ends at a value.",
        "References that lead to references only, round and round or over more than 64 steps, never \
            say what the value is.",
        [
            "A: { $ref: '#/components/schemas/B' }\nB: { $ref: '#/components/schemas/A' }",
            "A: { $ref: '#/components/schemas/B' }\nB: { type: string }",
        ],
    ),
    error(
        "reference-dangling",
        "A reference leads to a value that is there.",
        "The file or the place inside it does not exist. Names are compared exactly.",
        ["$ref: '#/components/schemas/Pett'", "$ref: '#/components/schemas/Pet'"],
    ),
    error(
        "reference-outside",
        "References stay inside the project.",
        "A document may refer to files below its own folder and below the folder of the \
            configuration. Reading others would let a document copy any file of this machine into \
            generated code.",
        ["$ref: ../../../etc/passwd", "$ref: schemas/pet.yaml"],
    ),
    warning(
        "reference-remote",
        "References lead to files, not to a network.",
        "The compiler never fetches: the same input must give the same output tomorrow. A schema \
            behind such a reference takes any JSON value; anything else behind it is an error.\n\n\
            Copy the document into the project and refer to the copy.",
        ["$ref: https://example.com/pet.yaml", "$ref: schemas/pet.yaml"],
    ),
    warning(
        "reference-siblings",
        "In OAS 3.0 a reference stands alone.",
        "OAS 3.0 says that whatever stands beside `$ref` is ignored, so constraints there have no \
            effect. OAS 3.1 allows them.",
        [
            "$ref: '#/components/schemas/Pet'\ntype: object",
            "allOf:\n  - $ref: '#/components/schemas/Pet'\n  - type: object",
        ],
    ),
];
