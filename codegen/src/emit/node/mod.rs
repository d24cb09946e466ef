//! The Node target: an npm package in TypeScript, for ESM and CommonJS.

mod errors;
mod facade;
mod layout;
mod masks;
mod models;
mod operations;
mod package;
mod plan;
mod types;
mod wire;

use super::{Job, example};
use crate::config::{Config, Target, TargetName};
use crate::contract::{ContentKind, Contract, Operation, Shape};
use crate::names::Scope;
use crate::problem::Problems;
use crate::tree::Tree;
use masks::Masks;
use plan::Plan;
use serde::Serialize;
use serde_json::Value;

/// Renders the package. The TypeScript of every operation is expressible, so nothing is reported.
pub fn emit(job: &Job<'_>, tree: &mut Tree, _problems: &mut Problems) {
    let plan = Plan::new(job.contract, job.target);
    let masks = Masks::new(job.contract);
    let mut files = Files { job, tree };
    files.render("package.json", "package.json.tera", &package::package(job));
    files.render("README.md", "README.md.tera", &package::readme(job, &plan, &masks));
    if package::license(job) == Some("Apache-2.0") {
        files.render("LICENSE", "LICENSE.tera", &serde_json::Map::new());
    }
    let client = facade::view(job, &plan, &masks);
    files.render("src/client.ts", "src/client.ts.tera", &client);
    let index = package::index(job, &plan, &masks, &client);
    files.render("src/index.ts", "src/index.ts.tera", &index);
    files.render("src/models.ts", "src/models.ts.tera", &models::view(&plan));
    files.render("src/errors.ts", "src/errors.ts.tera", &errors::view(job.contract));
    if masks.any() {
        files.render("src/masks.ts", "src/masks.ts.tera", &masks::view(&plan, &masks));
    }
    for tag in &plan.tags {
        let path = format!("src/resources/{}.ts", tag.stem);
        files.render(&path, "src/resources/tag.ts.tera", &operations::view(&plan, &masks, tag));
        let path = format!("test/wire/{}.test.ts", tag.stem);
        files.render(&path, "test/wire/tag.test.ts.tera", &wire::view(&plan, tag));
    }
    let module = job.target.module.as_deref().unwrap_or_default();
    job.templates.copy_runtime("node", &job.target.output, module, files.tree);
}

struct Files<'a> {
    job: &'a Job<'a>,
    tree: &'a mut Tree,
}

impl Files<'_> {
    fn render(&mut self, path: &str, template: &str, view: &impl Serialize) {
        let template = format!("node/{template}");
        let text = self.job.templates.render(&template, view);
        self.tree.insert(format!("{}/{path}", self.job.target.output), text, template);
    }
}

/// A complete program that calls the operation.
pub fn sample(contract: &Contract, config: &Config, operation: &Operation) -> Option<String> {
    let target = config.targets.get(&TargetName::Node)?;
    let tags = plan::name_tags(contract, target);
    let tag = tags.iter().find(|tag| tag.tag.name == operation.tag)?;
    let siblings: Vec<&Operation> =
        contract.operations.iter().filter(|other| other.tag == operation.tag).collect();
    let position = siblings.iter().position(|other| other.id == operation.id)?;
    let planned =
        plan::plan_operations(&siblings, &mut Scope::default()).into_iter().nth(position)?;
    let mut call: Vec<String> = planned
        .path
        .iter()
        .map(|argument| {
            let value = example::of_parameter(contract, argument.parameter);
            wire::sample_argument(&argument.parameter.ty, &value, 0)
        })
        .collect();
    if let Some(body) = &planned.body {
        let octets = body.kind == ContentKind::Binary || body.content.ty.shape == Shape::Binary;
        call.push(if octets {
            "new Uint8Array([1, 2, 3])".to_owned()
        } else {
            let value = example::of_content(contract, body.content);
            wire::sample_argument(&body.content.ty, &value, 0)
        });
    }
    let required: serde_json::Map<String, Value> = planned
        .params
        .iter()
        .filter(|argument| argument.parameter.required || argument.parameter.example.is_some())
        .map(|argument| {
            (argument.name.clone(), example::of_parameter(contract, argument.parameter))
        })
        .collect();
    if !required.is_empty() {
        call.push(crate::encode::typescript::value(&Value::Object(required)));
    }
    let head = format!("client.{}.{}({})", tag.attribute, planned.method, call.join(", "));
    Some(program(contract, target, &head, &planned))
}

fn program(
    contract: &Contract,
    target: &Target,
    call: &str,
    planned: &plan::OperationPlan<'_>,
) -> String {
    let client = plan::client_name(target);
    let package = package::name_of(target, contract);
    let from = crate::encode::typescript::string(&package);
    let options = if target.environment_prefix.is_some() {
        ""
    } else {
        "{ baseUrl: process.env['BASE_URL'], token: process.env['TOKEN'] }"
    };
    let mut out =
        format!("import {{ {client} }} from {from};\n\nconst client = new {client}({options});\n");
    match planned.answer.kind {
        None => out.push_str(&format!("await {call};\n")),
        Some(ContentKind::EventStream | ContentKind::JsonLines) => out.push_str(&format!(
            "for await (const item of await {call}) {{\n  console.log(item);\n}}\n"
        )),
        Some(_) => {
            out.push_str(&format!("const answer = await {call};\nconsole.log(answer);\n"));
        }
    }
    out
}
