//! Pages of a small contract, and of one whose every text tries to leave its place.

use super::*;
use crate::config::{Config, TargetName};
use crate::contract::*;
use crate::emit::Samples;
use crate::emit::render::Templates;
use crate::problem::Location;
use serde_json::json;
use std::collections::BTreeMap;

const HOSTILE: &str = "x</td><script>alert(1)</script> [a](javascript:alert(1)) `|` \
    {{ 7 * 7 }} {% raw %} <img src=x onerror=y> ![i](http://h/x.png)\n--8<-- \"/etc/passwd\"\n";

fn templates() -> Templates {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates");
    let files = crate::inputs::files_below(&std::path::Path::new(folder).join("docs")).unwrap();
    let sources: BTreeMap<String, String> = files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            (path, std::fs::read_to_string(file).unwrap())
        })
        .collect();
    Templates::new(sources).unwrap()
}

fn contract(text: &str) -> Contract {
    let location = Location::default();
    let field = Field {
        wire_name: text.to_owned(),
        ty: Type::new(Shape::String),
        required: true,
        default: Some(json!(text)),
        read_only: false,
        write_only: false,
        description: Some(text.to_owned()),
        data_class: Some(text.to_owned()),
        deprecated: false,
        location: location.clone(),
    };
    let pet = TypeDeclaration {
        name: "Pet".to_owned(),
        wire_name: Some("Pet".to_owned()),
        description: Some(text.to_owned()),
        kind: TypeKind::Object(Object { fields: vec![field], additional: Additional::Forbidden }),
        data_class: None,
        deprecated: true,
        examples: vec![json!({ "name": text })],
        location: location.clone(),
    };
    let content = Content {
        media_type: "application/json".to_owned(),
        kind: ContentKind::Json,
        ty: Type::named("Pet"),
        examples: Vec::new(),
    };
    let parameter = Parameter {
        wire_name: "pet_id".to_owned(),
        location_in: ParameterLocation::Path,
        style: ParameterStyle::Simple,
        explode: false,
        required: true,
        ty: Type::new(Shape::Integer64),
        default: None,
        description: Some(text.to_owned()),
        example: None,
        data_class: None,
        deprecated: false,
        location: location.clone(),
    };
    let operation = Operation {
        id: "put/pet".to_owned(),
        method: HttpMethod::Put,
        path: "/pets/{pet_id}".to_owned(),
        segments: vec![
            PathSegment::Literal("/pets/".to_owned()),
            PathSegment::Parameter("pet_id".to_owned()),
        ],
        tag: "pets".to_owned(),
        summary: Some(text.to_owned()),
        description: Some(format!("More: {text}")),
        deprecated: false,
        parameters: vec![parameter],
        body: Some(Body { required: true, description: None, contents: vec![content.clone()] }),
        responses: vec![Response {
            status: StatusRange::Code(200),
            description: text.to_owned(),
            headers: Vec::new(),
            contents: vec![content],
        }],
        security: Vec::new(),
        policy: Policy { problems: vec!["not_found".to_owned()], ..Policy::default() },
        extensions: serde_json::Map::new(),
        location,
    };
    Contract {
        info: Info {
            title: text.to_owned(),
            version: "1".to_owned(),
            description: Some(text.to_owned()),
            license: None,
        },
        tags: vec![Tag { name: "pets".to_owned(), description: Some(text.to_owned()) }],
        types: [("Pet".to_owned(), pet)].into_iter().collect(),
        operations: vec![operation],
        problem_codes: vec![ProblemCode {
            code: "not_found".to_owned(),
            status: 404,
            title: text.to_owned(),
            hint: Some(text.to_owned()),
            retryable: false,
        }],
        ..Contract::default()
    }
}

fn pages(text: &str) -> BTreeMap<String, String> {
    let config: Config = toml::from_str(
        "spec = 'a'\n[targets.docs]\noutput = 'out'\n[targets.python]\noutput = 'p'\n",
    )
    .unwrap();
    let contract = contract(text);
    let job = Job {
        contract: &contract,
        config: &config,
        target: &config.targets[&TargetName::Docs],
        templates: &templates(),
        samples: &Samples::default(),
    };
    let mut tree = Tree::default();
    emit(&job, &mut tree, &mut Problems::default());
    tree.files.into_iter().map(|(path, file)| (path, file.text)).collect()
}

#[test]
fn an_operation_reads_as_a_page() {
    let pages = pages("All pets.");
    let page = &pages["out/operations/pets.md"];
    for part in [
        "## put_pet\n\n`PUT /pets/{pet_id}`\n\nAll pets.\n\nMore: All pets.\n",
        "| `pet_id` | path | integer | yes | All pets. |",
        "| 200 | All pets. | [Pet](../models.md#pet) as `application/json` |",
        "| [not_found](../errors.md#not_found) | 404 | All pets. |",
        "curl --request PUT \\\n  --header 'Content-Type: application/json' \\\n",
        "  \"https://api.example.org/pets/1\"\n```",
    ] {
        assert!(page.contains(part), "{part}\n---\n{page}");
    }
    assert!(pages["out/models.md"].contains("## Pet\n\n**Deprecated.**\n\nAll pets.\n\nObject."));
    assert!(!pages.values().any(|page| page.contains("\n\n\n")), "{pages:#?}");
}

#[test]
fn text_of_a_spec_cannot_leave_its_place() {
    for (path, page) in pages(HOSTILE) {
        let mut in_code = false;
        for line in page.lines().skip(3) {
            in_code ^= line.starts_with("```");
            let prose = line.replace("\\]", "");
            if !in_code && !line.starts_with("```") {
                assert!(!prose.contains('<') && !prose.contains("{{"), "{path}: {line}");
                assert!(!prose.contains("](http:") && !prose.contains("](java"), "{path}: {line}");
            }
        }
        assert!(!in_code, "{path} ends inside a code block");
    }
}

#[test]
fn every_row_has_the_cells_of_its_table() {
    for (path, page) in pages(HOSTILE) {
        let mut width = 0;
        for line in page.lines() {
            if !line.starts_with('|') {
                width = 0;
                continue;
            }
            let cells = line.matches('|').count();
            assert!(width == 0 || width == cells, "{path}: {line}");
            width = cells;
        }
    }
}
