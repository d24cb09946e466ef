//! What the pages show. Every text is finished Markdown; a row is a whole line of a table.

use serde::Serialize;

/// One page of operations: those of a tag.
#[derive(Serialize)]
pub struct OperationsView {
    pub title: String,
    pub description: String,
    pub operations: Vec<OperationView>,
}

#[derive(Serialize)]
pub struct OperationView {
    pub heading: String,
    pub summary: String,
    /// Method and path as code.
    pub request_line: String,
    pub deprecated: bool,
    pub description: String,
    /// Name and value of each rule.
    pub rules: Vec<String>,
    /// Name, place, type, needed, meaning.
    pub parameters: Vec<String>,
    pub body: Option<BodyView>,
    /// Status, meaning, content.
    pub answers: Vec<String>,
    /// Status, name, type, meaning.
    pub headers: Vec<String>,
    /// Shown as the answer, with its media type in front.
    pub answer_example: Option<ExampleView>,
    /// Code, status, what to do.
    pub problems: Vec<String>,
    pub samples: Vec<ExampleView>,
}

#[derive(Serialize)]
pub struct BodyView {
    pub summary: String,
    pub description: String,
    pub fields: Vec<String>,
    pub example: Option<ExampleView>,
}

#[derive(Serialize)]
pub struct ExampleView {
    pub label: String,
    pub block: String,
}

#[derive(Serialize)]
pub struct ModelsView {
    pub models: Vec<ModelView>,
}

#[derive(Serialize)]
pub struct ModelView {
    pub heading: String,
    pub deprecated: bool,
    /// What kind of type it is, in a sentence.
    pub kind: String,
    pub description: String,
    /// Name, type, needed, meaning.
    pub fields: Vec<String>,
    /// Value, meaning.
    pub values: Vec<String>,
    /// List items.
    pub variants: Vec<String>,
    pub examples: Vec<ExampleView>,
}

#[derive(Serialize)]
pub struct EventsView {
    pub events: Vec<EventView>,
    /// Types that several events share, or that stand inside one.
    pub types: Vec<ModelView>,
}

#[derive(Serialize)]
pub struct EventView {
    pub heading: String,
    pub summary: String,
    pub model: ModelView,
}

#[derive(Serialize)]
pub struct ErrorsView {
    /// Class, below, statuses, meaning.
    pub classes: Vec<String>,
    pub codes: Vec<CodeView>,
}

#[derive(Serialize)]
pub struct CodeView {
    pub heading: String,
    pub title: String,
    pub facts: Vec<String>,
    pub hint: String,
    pub operations: String,
}

#[derive(Serialize)]
pub struct ManifestView {
    /// The manifest itself.
    pub model: Option<ModelView>,
    /// Rule, level, path, message, what to do.
    pub rules: Vec<String>,
    /// The types inside it.
    pub types: Vec<ModelView>,
}

#[derive(Serialize)]
pub struct SdkView {
    /// Language, package, import, client.
    pub packages: Vec<String>,
    pub symbols: Vec<SymbolView>,
}

#[derive(Serialize)]
pub struct SymbolView {
    pub heading: String,
    pub description: String,
    pub methods: Vec<MethodView>,
}

#[derive(Serialize)]
pub struct MethodView {
    pub heading: String,
    pub description: String,
    /// The name in each language.
    pub names: Vec<String>,
    pub operation: String,
    /// Name, type, needed, meaning.
    pub parameters: Vec<String>,
    pub returns: String,
    pub errors: String,
}

#[derive(Serialize)]
pub struct IndexView {
    pub title: String,
    pub version: String,
    pub description: String,
    /// List items.
    pub servers: Vec<String>,
    pub security: Vec<String>,
    pub pages: Vec<String>,
    pub tags: Vec<TagView>,
}

#[derive(Serialize)]
pub struct TagView {
    pub link: String,
    pub description: String,
    /// Operation, method and path, summary.
    pub operations: Vec<String>,
}
