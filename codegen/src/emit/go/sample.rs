//! A complete Go program that calls one operation, for the README and the docs.

use super::answers::Returns;
use super::operations::{Method, Resource, Source};
use super::package;
use super::types::Names;
use super::value::Literals;
use crate::config::Target;
use crate::contract::{Content, ContentKind, Operation};
use crate::emit::example;
use crate::encode::go;
use std::cell::RefCell;
use std::collections::HashMap;

/// Writes the programs with the names of one package.
pub struct Sampler<'n, 'a> {
    literals: Literals<'n, 'a>,
    methods: HashMap<&'n str, (&'n Resource<'a>, &'n Method<'a>)>,
    path: String,
    module: String,
    client: String,
    environment: bool,
}

impl<'n, 'a> Sampler<'n, 'a> {
    pub fn new(names: &'n Names<'a>, resources: &'n [Resource<'a>], target: &Target) -> Self {
        let (path, module) = package::place(target, &names.contract.info);
        let found = resources.iter().flat_map(|resource| {
            resource
                .methods
                .iter()
                .map(move |method| (method.operation.id.as_str(), (resource, method)))
        });
        Self {
            literals: Literals { names, prefix: format!("{module}."), imports: RefCell::default() },
            methods: found.collect(),
            path,
            module,
            client: package::client_name(target),
            environment: target.environment_prefix.is_some(),
        }
    }

    /// The programs of all operations, by operation id; one whose example value has no Go literal
    /// is left out.
    pub fn programs(&self) -> HashMap<String, String> {
        let operations = &self.literals.names.contract.operations;
        let programs = operations
            .iter()
            .filter_map(|operation| Some((operation.id.clone(), self.sample(operation)?)));
        programs.collect()
    }

    /// A complete program; none when an example value has no Go literal.
    pub fn sample(&self, operation: &Operation) -> Option<String> {
        let (resource, method) = self.methods.get(operation.id.as_str())?;
        self.literals.imports.borrow_mut().clear();
        let (before, arguments) = self.arguments(method)?;
        let call =
            format!("client.{}.{}(context.Background(){arguments})", resource.field, method.name);
        Some(self.program(&before, &call, method.returns))
    }

    fn arguments(&self, method: &Method<'_>) -> Option<(Vec<String>, String)> {
        let contract = self.literals.names.contract;
        let names = self.literals.names;
        let mut before = Vec::new();
        let mut arguments = String::new();
        for input in &method.inputs {
            match input.source {
                Source::Path(parameter) => {
                    let value = example::of_parameter(contract, parameter);
                    let slot = names.slot(&parameter.ty, true, parameter.data_class.is_some());
                    let text = self.literals.slot(&parameter.ty, &slot, &value, 0)?;
                    arguments.push_str(&format!(", {text}"));
                }
                Source::Body(_) if input.ty == "io.Reader" => {
                    arguments.push_str(&format!(", {}", self.literals.reader()));
                }
                Source::Body(content) => {
                    before.push(format!("body := {}", self.body(content)?));
                    let pointer = if input.ty.starts_with('*') { "&body" } else { "body" };
                    arguments.push_str(&format!(", {pointer}"));
                }
                Source::Params => {
                    before.push(format!("var params {}.{}", self.module, input.ty));
                    for (parameter, field) in &method.params_fields {
                        let required = parameter.required;
                        if !required && parameter.example.is_none() {
                            continue;
                        }
                        let value = example::of_parameter(contract, parameter);
                        let slot =
                            names.slot(&parameter.ty, required, parameter.data_class.is_some());
                        let text = self.literals.slot(&parameter.ty, &slot, &value, 0)?;
                        before.push(format!("params.{field} = {text}"));
                    }
                    arguments.push_str(", params");
                }
            }
        }
        Some((before, arguments))
    }

    /// The body as an expression of its own type.
    fn body(&self, content: &Content) -> Option<String> {
        let value = example::of_content(self.literals.names.contract, content);
        if content.kind == ContentKind::Text {
            return Some(go::string(value.as_str().unwrap_or(&value.to_string())));
        }
        let text = self.literals.of(&content.ty, &value, 0)?;
        if text.contains('{') {
            return Some(text);
        }
        Some(format!("{}({text})", self.literals.type_of(&content.ty)))
    }

    fn program(&self, before: &[String], call: &str, returns: Returns<'_>) -> String {
        let prints = !matches!(returns, Returns::Nothing);
        let mut text = String::from("package main\n\nimport (\n\t\"context\"\n");
        if prints {
            text.push_str("\t\"fmt\"\n");
        }
        text.push_str("\t\"log\"\n");
        for import in self.literals.imports.borrow().iter() {
            text.push_str(&format!("\t{}\n", go::string(import)));
        }
        text.push('\n');
        let alias = if self.path.rsplit('/').next() == Some(&self.module) {
            String::new()
        } else {
            format!("{} ", self.module)
        };
        text.push_str(&format!("\t{alias}{}\n)\n\nfunc main() {{\n", go::string(&self.path)));
        let options = if self.environment {
            String::new()
        } else {
            format!("{}.WithBaseURL(\"https://api.example.com\")", self.module)
        };
        text.push_str(&format!(
            "\tclient, err := {}.New{}({options})\n\tif err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n\tdefer client.Close()\n\n",
            self.module, self.client
        ));
        for line in before {
            text.push_str(&format!("\t{line}\n"));
        }
        text.push_str(&match returns {
            Returns::Nothing => format!("\tif err := {call}; err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n"),
            Returns::Events | Returns::Lines(_) => format!(
                "\tfor item, err := range {call} {{\n\t\tif err != nil {{\n\t\t\tlog.Fatal(err)\n\t\t}}\n\t\tfmt.Println(item)\n\t}}\n"
            ),
            _ => format!(
                "\tanswer, err := {call}\n\tif err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n\tfmt.Println(answer)\n"
            ),
        });
        text.push_str("}\n");
        text
    }
}
