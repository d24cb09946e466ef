//! The page of events: what travels, who may see it, and an example of each.

use super::types::{Links, json};
use super::view::{EventView, EventsView};
use crate::contract::EventDeclaration;
use crate::emit::Job;
use crate::encode::markdown::{code, line};

const PAGE: &str = "events.md";

pub fn view(job: &Job<'_>, links: &Links<'_>) -> EventsView {
    let mut events = Vec::new();
    let mut types = Vec::new();
    for event in &job.contract.events {
        for (name, declaration) in &event.schema.types {
            let mut model = links.model(declaration, PAGE);
            if *name == event.schema.name {
                model.examples =
                    event.examples.iter().map(|value| json("Example", value)).collect();
                events.push(EventView {
                    heading: model.heading.clone(),
                    summary: summary(event),
                    model,
                });
            } else {
                types.push(model);
            }
        }
    }
    EventsView { events, types }
}

fn summary(event: &EventDeclaration) -> String {
    let Some(event_type) = &event.event_type else {
        return "A shared model that events refer to.".to_owned();
    };
    let traits: Vec<String> = event.data_traits.iter().map(|name| code(name)).collect();
    let audience = match traits.as_slice() {
        [] => "Any subscriber may see it.".to_owned(),
        _ => format!("A subscriber needs {}.", traits.join(" and ")),
    };
    let name = if event_type.contains('`') { line(event_type) } else { code(event_type) };
    format!("Event type {name}. {audience}")
}
