//! Rules about paths, parameters, bodies, answers and security.

use super::{error, warning};
use crate::rules::Rule;

pub const OPERATIONS: &[Rule] = &[
    error(
        "content-missing",
        "A request body has `content`.",
        "Without a media type nobody knows how to send it.",
        [
            "requestBody: { required: true }",
            "requestBody:\n  content:\n    application/json: { schema: {...} }",
        ],
    ),
    error(
        "extension-invalid",
        "Extensions the compiler reads have the form it reads.",
        "`x-idempotency` is natural, key or none; `x-body-limit` counts octets; `x-problems` and \
            `x-required-traits` are lists of texts; `x-renews-token` names fields of the answer.",
        ["x-body-limit: 1 MB", "x-body-limit: 1048576"],
    ),
    error(
        "media-type-invalid",
        "Media types have a type and a subtype.",
        "The keys of `content` are media types as RFC 6838 writes them, or ranges such as `text/*`.",
        ["content: { json: {...} }", "content: { application/json: {...} }"],
    ),
    warning(
        "operation-id-missing",
        "Every operation has an `operationId`.",
        "Methods of the SDKs are named by it. Without one the name is made from method and path, \
            and changes with the path.",
        ["get: { responses: {...} }", "get: { operationId: list_pets, responses: {...} }"],
    ),
    error(
        "operation-id-repeated",
        "An `operationId` belongs to one operation.",
        "Two methods cannot have one name.",
        ["", ""],
    ),
    warning(
        "parameter-ignored",
        "Accept, Content-Type and Authorization are no parameters.",
        "OpenAPI says that parameters of these names are ignored: media types come from `content`, \
            credentials from `security`.",
        ["parameters: [{ name: Authorization, in: header }]", "security: [{ bearer: [] }]"],
    ),
    error(
        "parameter-invalid",
        "A parameter has a name and a place.",
        "The place, `in`, is path, query, header or cookie. `body` and `formData` belong to Swagger 2.0.",
        ["{ name: id, in: url }", "{ name: id, in: path, required: true }"],
    ),
    error(
        "parameter-repeated",
        "A parameter stands once in a list.",
        "Name and place together identify it. An operation may redefine a parameter of its path.",
        ["", ""],
    ),
    error(
        "parameter-style",
        "The style of a parameter fits its place.",
        "Paths take simple, label and matrix; queries form, spaceDelimited, pipeDelimited and \
            deepObject; headers simple; cookies form.",
        ["{ name: id, in: path, style: form }", "{ name: id, in: path, style: simple }"],
    ),
    warning(
        "parameter-untyped",
        "A parameter has a `schema` or `content`.",
        "Without either it is taken for a text.",
        ["{ name: limit, in: query }", "{ name: limit, in: query, schema: { type: integer } }"],
    ),
    error(
        "path-ambiguous",
        "Two paths do not match the same addresses.",
        "Paths that differ in the names of their parameters alone cannot be told apart by a server.",
        [
            "/pets/{id}: {...}\n/pets/{name}: {...}",
            "/pets/{id}: {...}\n/pets/by-name/{name}: {...}",
        ],
    ),
    warning(
        "path-fragment",
        "A path holds no fragment.",
        "What follows `#` never reaches a server. Some documents use it to describe several bodies \
            of one address; they are kept as operations of their own, at the same address.",
        ["/message#cancel: {...}", "/message: {...}"],
    ),
    error(
        "path-invalid",
        "A path opens with `/`, and each parameter in it is `{name}`.",
        "A path holds no query, no space and no parameter twice.",
        ["pets/{id: {...}", "/pets/{id}: {...}"],
    ),
    warning(
        "path-parameter-optional",
        "Path parameters are required.",
        "A path cannot leave a part out, so the parameter is taken as required.",
        ["{ name: id, in: path }", "{ name: id, in: path, required: true }"],
    ),
    error(
        "path-parameter-undeclared",
        "Every parameter in a path is described.",
        "Its type and meaning have to be known to send it.",
        [
            "/pets/{id}:\n  get: { parameters: [] }",
            "/pets/{id}:\n  get:\n    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]",
        ],
    ),
    warning(
        "path-parameter-unused",
        "A path parameter stands in the path.",
        "It has no place to go and is left out. Mostly its name is misspelt.",
        [
            "/pets/{id}:\n  parameters: [{ name: ident, in: path }]",
            "/pets/{id}:\n  parameters: [{ name: id, in: path }]",
        ],
    ),
    error(
        "paths-missing",
        "The document has `paths`.",
        "Without paths, webhooks or components there is nothing to compile.",
        ["", ""],
    ),
    error(
        "response-missing",
        "An operation declares its answers.",
        "OpenAPI requires `responses`; an empty one is reported as a warning.",
        [
            "get: { operationId: list }",
            "get:\n  operationId: list\n  responses: { '200': { description: The list. } }",
        ],
    ),
    warning(
        "response-without-success",
        "An operation can succeed.",
        "Only failures are declared, so nobody knows what a success looks like.",
        ["responses: { '404': {...} }", "responses: { '200': {...}, '404': {...} }"],
    ),
    error(
        "security-scheme-invalid",
        "A security scheme is one of OpenAPI.",
        "These are http (with `scheme`), apiKey (with `name` and `in`), oauth2, openIdConnect and \
            mutualTLS.",
        ["{ type: bearer }", "{ type: http, scheme: bearer }"],
    ),
    warning(
        "security-undefined",
        "Security requirements name declared schemes.",
        "Nobody can satisfy a scheme that is not described: servers refuse the operation to \
            everybody, and clients send no credentials for it.",
        ["security: [{ beerer: [] }]", "security: [{ bearer: [] }]"],
    ),
    error(
        "status-invalid",
        "Answers are keyed by status.",
        "A status is a code from 100 to 599, a range such as `4XX`, or `default`.",
        ["responses: { ok: {...} }", "responses: { '200': {...} }"],
    ),
    warning(
        "target-unsupported",
        "A target can express what the spec says.",
        "Where it cannot, the nearest thing is generated, and this says what and where.",
        ["", ""],
    ),
];
