//! Rules that a team sets itself, and rules about what stands beside the document.

use super::{error, warning};
use crate::rules::Rule;

pub const HOUSE: &[Rule] = &[
    error(
        "event-repeated",
        "An event type has one schema.",
        "`x-event-type` is what travels; two files with the same one would contradict each other.",
        ["", ""],
    ),
    warning(
        "example-invalid",
        "Examples match their schemas.",
        "Examples go into the reference and into tests of the SDKs; a wrong one misleads people and \
            fails there. Checked where `examples` are required.",
        ["schema: { type: integer }\nexample: one", "schema: { type: integer }\nexample: 1"],
    ),
    error(
        "operation-incomplete",
        "Operations declare what the configuration requires.",
        "`lint.require` lists it: parts of an operation (`summary`, `description`, `security`, \
            `examples`, `operationId`, `tags`) and vendor extensions.",
        ["get: { operationId: list }", "get: { operationId: list, summary: List the pets }"],
    ),
    error(
        "parity-incomplete",
        "A parity method gives everything its operation requires.",
        "Each required parameter and body field needs a parameter of the method with that target.",
        ["", ""],
    ),
    error(
        "parity-invalid",
        "The parity document is well-formed.",
        "Symbols, methods, parameters and errors have names; the errors form one tree.",
        ["", ""],
    ),
    error(
        "parity-unknown",
        "The parity document names things of the spec.",
        "Operations, parameters, body fields, problem codes and errors have to exist there.",
        [
            "{ name: publish, operation: publsh_event }",
            "{ name: publish, operation: publish_event }",
        ],
    ),
    error(
        "problem-invalid",
        "An entry of the problem catalogue has code, status and title.",
        "Servers and SDKs are generated from it. The status is from 400 to 599.",
        [
            "x-problem-catalogue: [{ code: forbidden }]",
            "x-problem-catalogue: [{ code: forbidden, status: 403, title: Not allowed }]",
        ],
    ),
    error(
        "problem-repeated",
        "A problem code stands once in the catalogue.",
        "A code is the stable name of one problem.",
        ["", ""],
    ),
    error(
        "problem-unknown",
        "`x-problems` names codes of the catalogue.",
        "A code that is not there has no status and no title.",
        ["x-problems: [forbiden]", "x-problems: [forbidden]"],
    ),
    error(
        "vocabulary",
        "Vendor extensions use the words agreed on.",
        "`lint.vocabulary` lists them for each extension. A word of one's own would be a rule that \
            nothing enforces.",
        ["x-lane: canonicle", "x-lane: canonical"],
    ),
];
