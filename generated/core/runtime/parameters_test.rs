//! Every style of OpenAPI parameters, and what is refused.

use super::*;
use serde_json::json;

const FIELDS: &[(&str, Scalar)] = &[("R", Scalar::Integer), ("G", Scalar::Integer)];

fn parameter(place: Place, style: Style, explode: bool, structure: Structure) -> ParameterInfo {
    ParameterInfo { name: "color", place, style, explode, structure, default: None }
}

fn path(style: Style, explode: bool, structure: Structure, raw: &str) -> Option<Value> {
    let decoded = percent::decode(raw)?;
    let capture = Capture { raw: raw.to_owned(), decoded };
    from_path(&parameter(Place::Path, style, explode, structure), &capture)
}

fn query(
    style: Style,
    explode: bool,
    structure: Structure,
    text: &str,
) -> (Option<Value>, Vec<String>) {
    let mut violations = Vec::new();
    let mut pairs = Pairs::parse(text, "/query", &mut violations);
    let parameter = parameter(Place::Query, style, explode, structure);
    let value = from_pairs(&parameter, &mut pairs, &mut violations);
    pairs.refuse_rest("/query", &[], &mut violations);
    (value, violations.into_iter().map(|violation| violation.rule.into_owned()).collect())
}

#[test]
fn path_styles() {
    let (scalar, array, object) = (
        Structure::Scalar(Scalar::Text),
        Structure::Array(Scalar::Integer),
        Structure::Object(FIELDS),
    );
    assert_eq!(path(Style::Simple, false, scalar, "a%2Cb"), Some(json!("a,b")));
    assert_eq!(path(Style::Simple, false, array, "3,4"), Some(json!([3, 4])));
    assert_eq!(path(Style::Simple, false, object, "R,1,G,2"), Some(json!({"R": 1, "G": 2})));
    assert_eq!(path(Style::Simple, true, object, "R=1,G=2"), Some(json!({"R": 1, "G": 2})));
    assert_eq!(path(Style::Label, false, scalar, ".blue"), Some(json!("blue")));
    assert_eq!(path(Style::Label, true, array, ".3.4"), Some(json!([3, 4])));
    assert_eq!(path(Style::Label, false, array, ".3,4"), Some(json!([3, 4])));
    assert_eq!(path(Style::Matrix, false, scalar, ";color=blue"), Some(json!("blue")));
    assert_eq!(path(Style::Matrix, true, array, ";color=3;color=4"), Some(json!([3, 4])));
    assert_eq!(path(Style::Matrix, false, array, ";color=3,4"), Some(json!([3, 4])));
    assert_eq!(path(Style::Matrix, true, object, ";R=1;G=2"), Some(json!({"R": 1, "G": 2})));
    assert_eq!(path(Style::Matrix, false, scalar, "blue"), None);
}

#[test]
fn query_styles() {
    let (array, object) = (Structure::Array(Scalar::Text), Structure::Object(FIELDS));
    let list = Some(json!(["a b", "c,d"]));
    let rgb = Some(json!({"R": 1, "G": 2}));
    let value = |style, explode, structure, text: &str| {
        let (value, violations) = query(style, explode, structure, text);
        assert!(violations.is_empty(), "{text}: {violations:?}");
        value
    };
    assert_eq!(value(Style::Form, true, array, "color=a+b&color=c%2Cd"), list);
    assert_eq!(value(Style::Form, false, array, "color=a%20b,c%2Cd"), list);
    assert_eq!(value(Style::PipeDelimited, false, array, "color=a+b%7Cc,d"), list);
    let words = Some(json!(["a", "b"]));
    assert_eq!(value(Style::SpaceDelimited, false, array, "color=a%20b"), words);
    assert_eq!(value(Style::Form, true, object, "R=1&G=2"), rgb);
    assert_eq!(value(Style::Form, false, object, "color=R,1,G,2"), rgb);
    assert_eq!(value(Style::DeepObject, true, object, "color[R]=1&color%5BG%5D=2"), rgb);
    let json_text = "color=%7B%22R%22%3A1%2C%22G%22%3A2%7D";
    assert_eq!(value(Style::Json, false, Structure::Scalar(Scalar::Any), json_text), rgb);
}

#[test]
fn scalars_keep_text_that_is_not_of_their_type() {
    let scalar = |kind, text: &str| {
        query(Style::Form, true, Structure::Scalar(kind), &format!("color={text}")).0
    };
    assert_eq!(scalar(Scalar::Integer, "12"), Some(json!(12)));
    for text in ["012", "+1", "0x1", "1_0", "", "1e", "one"] {
        assert!(scalar(Scalar::Integer, text).is_some_and(|value| value.is_string()), "{text}");
    }
    assert_eq!(scalar(Scalar::Number, "-1.5e3"), Some(json!(-1500.0)));
    assert_eq!(scalar(Scalar::Boolean, "True"), Some(json!("True")));
    assert_eq!(scalar(Scalar::Any, "true"), Some(json!(true)));
    assert_eq!(scalar(Scalar::Text, "12"), Some(json!("12")));
}

#[test]
fn what_is_repeated_unknown_or_undecodable_is_refused() {
    let scalar = Structure::Scalar(Scalar::Text);
    let rules = |text: &str| query(Style::Form, true, scalar, text).1;
    assert_eq!(rules("color=a&color=b"), ["repeated"]);
    assert_eq!(rules("colour=a"), ["unknown"]);
    assert_eq!(rules("color=%ff"), ["encoding"]);
    assert_eq!(rules("color=%00"), ["encoding"]);
    assert_eq!(rules("color=%zz&x=1"), ["encoding", "unknown"]);
    let object = Structure::Object(FIELDS);
    assert_eq!(query(Style::DeepObject, true, object, "color[R]=1&color[R]=2").1, ["repeated"]);
    assert_eq!(query(Style::DeepObject, true, object, "color[R][x]=1").1, ["unknown"]);
}

#[test]
fn forms_become_objects() {
    const FORM: &[(&str, Structure)] =
        &[("n", Structure::Scalar(Scalar::Integer)), ("l", Structure::Array(Scalar::Text))];
    let mut violations = Vec::new();
    let value = decode_form("n=1&l=a&l=b+c&other=x", FORM, &mut violations);
    assert_eq!(value, json!({"n": 1, "l": ["a", "b c"], "other": "x"}));
    assert!(violations.is_empty());
}
