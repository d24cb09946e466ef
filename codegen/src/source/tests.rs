//! Places and values of all three syntaxes.

use super::*;

fn parse(file: &str, text: &str) -> Result<Document, String> {
    let mut problems = Problems::default();
    let document = match file {
        "a.toml" => Document::parse_toml(file, text.to_owned(), &mut problems),
        _ => Document::parse(file, text.to_owned(), &mut problems),
    };
    let found: Vec<String> = problems.into_sorted().iter().map(ToString::to_string).collect();
    if found.is_empty() { document.ok_or_else(String::new) } else { Err(found.join("\n")) }
}

fn value(file: &str, text: &str) -> Value {
    parse(file, text).unwrap().root().to_value()
}

#[test]
fn json_reads_as_serde_json_reads_it() {
    let texts = [
        r#"{"a":[1,-2,3.5,1e3,-0,-0.0,18446744073709551615,9223372036854775808],"b":{"c":null,"d":true}}"#,
        r#"["\u00e9\ud83d\ude00\n\"\\\/","é\u2028"]"#,
        "  [ ]  ",
        "{}",
        "\"text\"",
        "0.1",
    ];
    for text in texts {
        assert_eq!(value("a.json", text), serde_json::from_str::<Value>(text).unwrap(), "{text}");
    }
}

#[test]
fn what_serde_json_refuses_is_refused() {
    let texts = [
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "nul",
        "tru",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\n\"",
        "[] []",
        "'a'",
        "// x\n1",
        "NaN",
        "\u{feff}\u{feff}1",
        "\"\\u+123\"",
        "-",
        "[,]",
    ];
    for text in texts {
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        assert!(parse("a.json", text).is_err(), "{text}");
    }
}

#[test]
fn yaml_has_the_types_of_its_core_schema() {
    let text = "a: 1\nb: '1'\nc: yes\nd: true\ne: ~\nf: 0x1F\ng: 0o17\nh: 1.5\ni: 2024-01-01\nj: 1_000\nk: .5\nl: +7\nm: -0\nn: null\no:\np: !!str 1\nq: .inf\nr: 1e3\ns: on\nt: 007\nu: |\n  a\n  b\n404: x\ntrue: y\n";
    let expected = serde_json::json!({
        "a": 1, "b": "1", "c": "yes", "d": true, "e": null, "f": 31, "g": 15, "h": 1.5, "i": "2024-01-01", "j": "1_000", "k": 0.5,
        "l": 7, "m": -0.0, "n": null, "o": null, "p": "1", "q": ".inf", "r": 1000.0, "s": "on", "t": 7, "u": "a\nb\n", "404": "x", "true": "y"
    });
    assert_eq!(value("a.yaml", text), expected);
}

#[test]
fn aliases_are_written_out() {
    let found = value("a.yaml", "a: &x {b: [1, &y c]}\nd: *x\ne: *y\n");
    assert_eq!(
        found,
        serde_json::json!({ "a": { "b": [1, "c"] }, "d": { "b": [1, "c"] }, "e": "c" })
    );
}

#[test]
fn toml_keeps_the_order_of_its_text() {
    let found = value("a.toml", "z = 1\na = [\"x\", true]\n[t.u]\nv = 1.5\n");
    assert_eq!(found.to_string(), r#"{"z":1,"a":["x",true],"t":{"u":{"v":1.5}}}"#);
}

#[test]
fn places_are_counted_in_characters_from_one() {
    let cases = [
        ("a.json", "{\n \"é\": [\n  {\"x/y\": 日本}\n]}".replace("日本", "7")),
        ("a.yaml", "é:\n  - a: 日本\n    x/y: 7\n".to_owned()),
    ];
    let places = [(3, 11), (3, 10)];
    for ((file, text), (line, column)) in cases.into_iter().zip(places) {
        let document = parse(file, &text).unwrap();
        let location = document.pointer("/é/0/x~1y").unwrap().location();
        assert_eq!(
            (location.line, location.column, location.pointer.as_str()),
            (line, column, "/é/0/x~1y"),
            "{file}"
        );
    }
}

#[test]
fn large_objects_find_their_keys() {
    let members: Vec<String> =
        (0..500).rev().map(|index| format!("\"k{index}\":{index}")).collect();
    let document = parse("a.json", &format!("{{{}}}", members.join(","))).unwrap();
    assert_eq!(document.root().get("k123").and_then(Node::as_u64), Some(123));
    assert!(document.root().get("k500").is_none());
    let twice = format!("{{{},\"k7\":0}}", members.join(","));
    assert!(parse("a.json", &twice).unwrap_err().contains("`k7` stands twice"));
}
