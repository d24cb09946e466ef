//! Rules about files, their syntax and their frame.

use super::{error, warning};
use crate::rules::Rule;

pub const READING: &[Rule] = &[
    error(
        "alias-bomb",
        "YAML aliases do not blow up a document.",
        "An alias is written out where it stands. A few lines of aliases to aliases can mean \
            billions of values, which no document needs.\n\nRefer to shared values by `$ref`.",
        ["a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "c: { $ref: '#/components/schemas/C' }"],
    ),
    error(
        "alias-cycle",
        "A YAML alias does not stand inside the value it names.",
        "Such a value would contain itself without end. JSON cannot hold it.\n\nDescribe recursion \
            by `$ref` to a schema.",
        ["a: &a\n  b: *a", "A:\n  properties:\n    b: { $ref: '#/components/schemas/A' }"],
    ),
    error(
        "config-invalid",
        "The configuration says what it knows, in the form it knows.",
        "A key that is misspelt would silently do nothing, and a name that does not fit its place \
            would break the package it goes to. `schema` prints the JSON Schema of the file.",
        ["specs = \"openapi.yaml\"", "spec = \"openapi.yaml\""],
    ),
    error(
        "document-too-large",
        "A document has at most 50 MB and 8 million values.",
        "The largest public documents have a tenth of that. The bound keeps a broken or hostile \
            input from filling the memory.\n\nSplit the document into files.",
        ["", ""],
    ),
    error(
        "duplicate-key",
        "A key stands once in an object.",
        "Readers differ in which of two equal keys they keep, so the document would mean different \
            things to different people.",
        ["get: {...}\nget: {...}", "get: {...}\npost: {...}"],
    ),
    error(
        "file-unreadable",
        "Every file the configuration names can be read.",
        "It is missing, cannot be opened, is larger than 50 MB or is not UTF-8.",
        ["", ""],
    ),
    error(
        "info-missing",
        "The document has a title and a version.",
        "Both are required by OpenAPI, and packages and reference take theirs from there.\n\nA \
            version in YAML needs quotes, or `1.0` is a number.",
        ["info: { title: Shop, version: 1.0 }", "info: { title: Shop, version: '1.0' }"],
    ),
    error(
        "merge-key",
        "YAML merge keys are not used.",
        "`<<` belongs to YAML 1.1. Readers of YAML 1.2 take it for an ordinary key, so what it was \
            to bring in would be lost.\n\nRefer to shared parts by `$ref`, or join them by `allOf`.",
        [
            "Dog:\n  <<: *animal\n  title: Dog",
            "Dog:\n  allOf: [{ $ref: '#/components/schemas/Animal' }]\n  title: Dog",
        ],
    ),
    error(
        "nesting-too-deep",
        "Values nest at most 128 levels deep.",
        "No real document needs half of that, and each level costs the reader memory.\n\nGive the \
            inner schemas names under `components` and refer to them.",
        ["", ""],
    ),
    error(
        "number-out-of-range",
        "Numbers fit 64 bits.",
        "A number such as 1e400 cannot be held by any target.",
        ["maximum: 1e400", "maximum: 1e300"],
    ),
    error(
        "server-invalid",
        "Every server has a `url`.",
        "Without it nobody can tell where the server is.",
        ["servers: [{ description: Production }]", "servers: [{ url: 'https://api.example.com' }]"],
    ),
    error(
        "syntax",
        "Documents are well-formed YAML, JSON or TOML.",
        "The parser stopped at this place; what follows was not read, so further problems may come \
            up once it is mended. JSON is read strictly (RFC 8259), YAML in its core schema (1.2).",
        ["{ \"a\": 1, }", "{ \"a\": 1 }"],
    ),
    warning(
        "tag-repeated",
        "A tag is declared once.",
        "Two declarations of one tag can only contradict each other.",
        ["tags: [{ name: pets }, { name: pets }]", "tags: [{ name: pets }]"],
    ),
    warning(
        "unknown-field",
        "Objects hold the members OpenAPI gives them, or extensions that open with `x-`.",
        "An unknown member has no effect. Most often it is a slip of the pen, such as `operationID`.",
        ["operationID: list_pets", "operationId: list_pets"],
    ),
    warning(
        "version-newer",
        "OAS 3.2 is read as 3.1.",
        "What 3.2 adds to 3.1 is reported where it stands and is otherwise left alone.",
        ["openapi: 3.2.0", "openapi: 3.1.1"],
    ),
    error(
        "version-unsupported",
        "The document is OpenAPI 3.0 or 3.1.",
        "Swagger 2.0 describes bodies and answers in other words; converters exist for it.",
        ["swagger: '2.0'", "openapi: 3.0.3"],
    ),
    error(
        "wrong-type",
        "Every value has the JSON type OpenAPI gives it.",
        "A list where an object belongs, or a number where text belongs, cannot be understood.",
        ["parameters: { name: id }", "parameters: [{ name: id, in: query }]"],
    ),
];
