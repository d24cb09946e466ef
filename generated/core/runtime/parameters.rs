//! From the text of a request to JSON values, by the styles of OpenAPI.
//!
//! Decoding never judges: a text that is no integer stays text, and the schema says so. Only
//! what cannot be decoded at all, is repeated, or is unknown becomes a violation here.

use super::json::parse_json;
use super::operation::{OperationInfo, ParameterInfo, Place, Scalar, Structure, Style};
use super::percent;
use super::problem::Violation;
use axum::http::HeaderMap;
use serde_json::{Map, Number, Value};

/// A path parameter as it stood in the path.
#[derive(Debug, Clone)]
pub struct Capture {
    pub raw: String,
    pub decoded: String,
}

/// Decodes every declared parameter into one object for each place.
pub fn decode_parameters(
    operation: &OperationInfo,
    path: &[(&'static str, Capture)],
    query: Option<&str>,
    headers: &HeaderMap,
    credential_keys: &[&str],
    violations: &mut Vec<Violation>,
) -> Map<String, Value> {
    let mut pairs = Pairs::parse(query.unwrap_or_default(), "/query", violations);
    let mut cookies = Pairs::from_cookies(headers, violations);
    let mut values = Map::new();
    for parameter in operation.parameters {
        let object = place_object(&mut values, parameter.place);
        let value = match parameter.place {
            Place::Path => path
                .iter()
                .find(|(name, _)| *name == parameter.name)
                .and_then(|(_, capture)| from_path(parameter, capture)),
            Place::Query => from_pairs(parameter, &mut pairs, violations),
            Place::Header => from_headers(parameter, headers, violations),
            Place::Cookie => from_pairs(parameter, &mut cookies, violations),
        };
        let default = || parameter.default.and_then(|text| serde_json::from_str(text).ok());
        if let Some(value) = value.or_else(default) {
            object.insert(parameter.name.to_owned(), value);
        }
    }
    pairs.refuse_rest("/query", credential_keys, violations);
    values
}

/// Decodes `application/x-www-form-urlencoded` into one object.
pub fn decode_form(
    text: &str,
    fields: &'static [(&'static str, Structure)],
    violations: &mut Vec<Violation>,
) -> Value {
    let mut pairs = Pairs::parse(text, "/body", violations);
    let mut object = Map::new();
    for (name, structure) in fields {
        let parameter = ParameterInfo {
            name,
            place: Place::Query,
            style: Style::Form,
            explode: !matches!(structure, Structure::Object(_)),
            structure: *structure,
            default: None,
        };
        if let Some(value) = from_pairs(&parameter, &mut pairs, violations) {
            object.insert((*name).to_owned(), value);
        }
    }
    for (key, raw) in pairs.rest() {
        let value = percent::decode_form(&raw).unwrap_or_default();
        object.insert(key, Value::String(value));
    }
    Value::Object(object)
}

fn place_object(values: &mut Map<String, Value>, place: Place) -> &mut Map<String, Value> {
    values
        .entry(place.as_str())
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
        .expect("every place holds an object")
}

/// Keys decoded, values still encoded, so that a separator inside a value stays one.
struct Pairs {
    list: Vec<Option<(String, String)>>,
}

impl Pairs {
    fn parse(text: &str, pointer: &str, violations: &mut Vec<Violation>) -> Self {
        let mut list = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, raw) = pair.split_once('=').unwrap_or((pair, ""));
            match (percent::decode_form(key), percent::decode_form(raw)) {
                (Some(key), Some(_)) => list.push(Some((key, raw.to_owned()))),
                _ => violations.push(violation(pointer, "encoding", "is not valid UTF-8 text")),
            }
        }
        Self { list }
    }

    fn from_cookies(headers: &HeaderMap, violations: &mut Vec<Violation>) -> Self {
        let mut list = Vec::new();
        for header in headers.get_all("cookie") {
            let Ok(text) = header.to_str() else {
                violations.push(violation("/cookie", "encoding", "is not ASCII text"));
                continue;
            };
            for pair in text.split(';') {
                if let Some((key, value)) = pair.trim().split_once('=') {
                    list.push(Some((key.to_owned(), value.to_owned())));
                }
            }
        }
        Self { list }
    }

    /// Takes the raw values of every pair with this key.
    fn take(&mut self, key: &str) -> Vec<String> {
        self.take_where(|candidate| candidate == key).into_iter().map(|(_, raw)| raw).collect()
    }

    fn take_where(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        self.list
            .iter_mut()
            .filter(|slot| slot.as_ref().is_some_and(|(key, _)| wanted(key)))
            .filter_map(Option::take)
            .collect()
    }

    fn rest(self) -> impl Iterator<Item = (String, String)> {
        self.list.into_iter().flatten()
    }

    /// A parameter nobody declared is refused: a filter that is silently ignored shows more
    /// than was asked for.
    fn refuse_rest(self, pointer: &str, known: &[&str], violations: &mut Vec<Violation>) {
        let unknown = self.rest().filter(|(key, _)| !known.contains(&key.as_str())).count();
        if unknown > 0 {
            let message = "has a parameter that the operation does not know";
            violations.push(violation(pointer, "unknown", message));
        }
    }
}

fn from_path(parameter: &ParameterInfo, capture: &Capture) -> Option<Value> {
    let raw = capture.raw.as_str();
    match parameter.style {
        Style::Json => parse_json(capture.decoded.as_bytes()).ok(),
        Style::Label => {
            let text = raw.strip_prefix('.')?;
            split_text(parameter, text, if parameter.explode { '.' } else { ',' })
        }
        Style::Matrix => from_matrix(parameter, raw),
        _ => split_text(parameter, raw, ','),
    }
}

/// `;name=value`, `;name=a;name=b`, `;key=value`.
fn from_matrix(parameter: &ParameterInfo, raw: &str) -> Option<Value> {
    let text = raw.strip_prefix(';')?;
    let own =
        |part: &'_ str| part.strip_prefix(parameter.name)?.strip_prefix('=').map(str::to_owned);
    match parameter.structure {
        Structure::Array(scalar) if parameter.explode => {
            let items: Option<Vec<Value>> =
                text.split(';').map(|part| decode_scalar(&own(part)?, scalar)).collect();
            items.map(Value::Array)
        }
        Structure::Object(_) if parameter.explode => split_text(parameter, text, ';'),
        _ => split_text(parameter, &own(text)?, ','),
    }
}

/// Splits still encoded text by a separator, then decodes the pieces.
fn split_text(parameter: &ParameterInfo, text: &str, separator: char) -> Option<Value> {
    match parameter.structure {
        Structure::Scalar(scalar) => decode_scalar(text, scalar),
        Structure::Array(_) if text.is_empty() => Some(Value::Array(Vec::new())),
        Structure::Array(scalar) => {
            let items: Option<Vec<Value>> =
                text.split(separator).map(|piece| decode_scalar(piece, scalar)).collect();
            items.map(Value::Array)
        }
        Structure::Object(fields) => {
            let mut object = Map::new();
            let mut pieces = text.split(separator).filter(|piece| !piece.is_empty());
            while let Some(piece) = pieces.next() {
                let (key, value) = match parameter.explode {
                    true => piece.split_once('=')?,
                    false => (piece, pieces.next()?),
                };
                insert_field(&mut object, fields, percent::decode(key)?, value)?;
            }
            Some(Value::Object(object))
        }
    }
}

fn insert_field(
    object: &mut Map<String, Value>,
    fields: &[(&'static str, Scalar)],
    key: String,
    raw: &str,
) -> Option<()> {
    let scalar = fields.iter().find(|(name, _)| *name == key).map_or(Scalar::Text, |field| field.1);
    let value = decode_scalar(raw, scalar)?;
    object.insert(key, value).is_none().then_some(())
}

fn from_headers(
    parameter: &ParameterInfo,
    headers: &HeaderMap,
    violations: &mut Vec<Violation>,
) -> Option<Value> {
    let pointer = || format!("/header/{}", parameter.name);
    let mut values = headers.get_all(parameter.name).iter();
    let first = values.next()?;
    let is_list = matches!(parameter.structure, Structure::Array(_));
    let mut text = first.to_str().ok().map(|text| text.trim().to_owned());
    for more in values {
        if !is_list {
            violations.push(violation(pointer(), "repeated", "stands more than once"));
            return None;
        }
        text = text.zip(more.to_str().ok()).map(|(text, more)| format!("{text},{}", more.trim()));
    }
    let Some(text) = text else {
        violations.push(violation(pointer(), "encoding", "is not ASCII text"));
        return None;
    };
    let plain = |text: &str, scalar| to_scalar(text.trim().to_owned(), scalar);
    match parameter.structure {
        _ if parameter.style == Style::Json => {
            Some(parse_json(text.as_bytes()).unwrap_or(Value::String(text)))
        }
        Structure::Scalar(scalar) => Some(plain(&text, scalar)),
        Structure::Array(_) if text.is_empty() => Some(Value::Array(Vec::new())),
        Structure::Array(scalar) => {
            Some(Value::Array(text.split(',').map(|piece| plain(piece, scalar)).collect()))
        }
        Structure::Object(_) => {
            let value = split_text(parameter, &text, ',');
            if value.is_none() {
                violations.push(violation(pointer(), "style", "is not written as declared"));
            }
            value
        }
    }
}

/// Query and cookie parameters.
fn from_pairs(
    parameter: &ParameterInfo,
    pairs: &mut Pairs,
    violations: &mut Vec<Violation>,
) -> Option<Value> {
    let pointer = || format!("/{}/{}", parameter.place.as_str(), parameter.name);
    if let Structure::Object(fields) = parameter.structure {
        if parameter.style == Style::DeepObject {
            return deep_object(parameter, fields, pairs, violations);
        }
        if parameter.explode && parameter.style == Style::Form {
            let taken = pairs.take_where(|key| fields.iter().any(|(name, _)| *name == key));
            return collect_object(fields, taken, pointer, violations);
        }
    }
    let raw = pairs.take(parameter.name);
    let exploded = parameter.explode && matches!(parameter.structure, Structure::Array(_));
    if raw.len() > 1 && !exploded {
        violations.push(violation(pointer(), "repeated", "stands more than once"));
        return None;
    }
    match parameter.structure {
        Structure::Array(scalar) if exploded && parameter.style != Style::Json => {
            let items: Vec<Value> =
                raw.iter().filter_map(|text| decode_form_scalar(text, scalar)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        _ => {
            let value = split_pair(parameter, raw.first()?);
            if value.is_none() {
                violations.push(violation(pointer(), "style", "is not written as declared"));
            }
            value
        }
    }
}

fn split_pair(parameter: &ParameterInfo, raw: &str) -> Option<Value> {
    // `+` means a space in a query; `%20` says the same to the decoder of single values.
    let spaced = raw.replace('+', "%20");
    match parameter.style {
        Style::Json => {
            let text = percent::decode(&spaced)?;
            Some(parse_json(text.as_bytes()).unwrap_or(Value::String(text)))
        }
        Style::SpaceDelimited => split_text(parameter, &spaced.replace("%20", " "), ' '),
        Style::PipeDelimited => {
            let text = spaced.replace("%7C", "|").replace("%7c", "|");
            split_text(parameter, &text, '|')
        }
        _ => match parameter.structure {
            Structure::Scalar(scalar) => decode_scalar(&spaced, scalar),
            _ => split_text(parameter, &spaced, ','),
        },
    }
}

/// `name[key]=value`.
fn deep_object(
    parameter: &ParameterInfo,
    fields: &[(&'static str, Scalar)],
    pairs: &mut Pairs,
    violations: &mut Vec<Violation>,
) -> Option<Value> {
    let inner = |key: &str| {
        let rest = key.strip_prefix(parameter.name)?.strip_prefix('[')?.strip_suffix(']')?;
        (!rest.contains(['[', ']'])).then(|| rest.to_owned())
    };
    let taken = pairs.take_where(|key| inner(key).is_some());
    let named = taken.into_iter().filter_map(|(key, raw)| Some((inner(&key)?, raw))).collect();
    let pointer = || format!("/{}/{}", parameter.place.as_str(), parameter.name);
    collect_object(fields, named, pointer, violations)
}

fn collect_object(
    fields: &[(&'static str, Scalar)],
    taken: Vec<(String, String)>,
    pointer: impl Fn() -> String,
    violations: &mut Vec<Violation>,
) -> Option<Value> {
    let mut object = Map::new();
    for (key, raw) in taken {
        if insert_field(&mut object, fields, key, &raw.replace('+', "%20")).is_none() {
            violations.push(violation(pointer(), "repeated", "has a field more than once"));
        }
    }
    (!object.is_empty()).then_some(Value::Object(object))
}

fn decode_scalar(raw: &str, scalar: Scalar) -> Option<Value> {
    percent::decode(raw).map(|text| to_scalar(text, scalar))
}

fn decode_form_scalar(raw: &str, scalar: Scalar) -> Option<Value> {
    percent::decode_form(raw).map(|text| to_scalar(text, scalar))
}

/// Reads the text as its type; text that does not read so stays text for the schema to judge.
fn to_scalar(text: String, scalar: Scalar) -> Value {
    let number = |text: &str| {
        let looks_so = text
            .bytes()
            .all(|octet| matches!(octet, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if looks_so { text.parse::<Number>().ok() } else { None }
    };
    let boolean = |text: &str| match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let read = match scalar {
        Scalar::Text => None,
        Scalar::Integer | Scalar::Number => number(&text).map(Value::Number),
        Scalar::Boolean => boolean(&text).map(Value::Bool),
        Scalar::Any => boolean(&text).map(Value::Bool).or_else(|| number(&text).map(Value::Number)),
    };
    read.unwrap_or(Value::String(text))
}

fn violation(pointer: impl Into<String>, rule: &'static str, message: &'static str) -> Violation {
    Violation { pointer: pointer.into(), rule: rule.into(), message: message.into() }
}

#[cfg(test)]
#[path = "parameters_test.rs"]
mod tests;
