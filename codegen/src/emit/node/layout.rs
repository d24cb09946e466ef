//! Fits or explodes: what the formatter decides by line width, decided the same way here.
//!
//! Texts that go in are finished tokens; indentation is counted in spaces.

use std::fmt::Write;

/// The line width of the formatter.
pub const WIDTH: usize = 100;

/// A TypeScript type as far as its line breaks matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    Atom(String),
    Array(Box<Text>),
    Map(Box<Text>),
    Union(Vec<Text>),
}

impl Text {
    pub fn atom(text: impl Into<String>) -> Self {
        Self::Atom(text.into())
    }

    /// Members of nested unions become members of this one, repeats are dropped, and `unknown`
    /// swallows all.
    pub fn union(members: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for member in members {
            let parts = if let Self::Union(parts) = member { parts } else { vec![member] };
            for part in parts {
                if !flat.contains(&part) {
                    flat.push(part);
                }
            }
        }
        if let Some(top) = flat.iter().position(|part| part == &Self::atom("unknown")) {
            return flat.swap_remove(top);
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::Union(flat) }
    }

    /// On one line.
    pub fn flat(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::Array(item) => match **item {
                Self::Union(_) => format!("({})[]", item.flat()),
                _ => format!("{}[]", item.flat()),
            },
            Self::Map(value) => format!("{{ [key: string]: {} }}", value.flat()),
            Self::Union(members) => members.iter().map(Self::flat).collect::<Vec<_>>().join(" | "),
        }
    }

    /// `head`, the type and `tail`; broken where the line would be too long. `head` ends with
    /// the mark that opens the type (`=`, `:`), without a space behind it.
    pub fn after(&self, indent: usize, head: &str, tail: &str) -> String {
        let flat = self.flat();
        if indent + head.len() + 1 + flat.len() + tail.len() <= WIDTH {
            return format!("{head} {flat}{tail}");
        }
        match self {
            Self::Union(members) => format!("{head}{}{tail}", below(members, indent, tail.len())),
            Self::Array(item) => match &**item {
                Self::Union(members) => {
                    let lines = below(members, indent, 0);
                    format!("{head} ({lines}\n{})[]{tail}", " ".repeat(indent))
                }
                item => item.after(indent, head, &format!("[]{tail}")),
            },
            Self::Map(value) => {
                let pad = " ".repeat(indent + 2);
                let field = value.after(indent + 2, "[key: string]:", ";");
                format!("{head} {{\n{pad}{field}\n{}}}{tail}", " ".repeat(indent))
            }
            Self::Atom(_) if head.ends_with('=') => {
                format!("{head}\n{}{flat}{tail}", " ".repeat(indent + 2))
            }
            Self::Atom(_) => format!("{head} {flat}{tail}"),
        }
    }
}

/// The members of a union below the line that opens it: on one line where they fit, else each
/// on its own.
fn below(members: &[Text], indent: usize, tail: usize) -> String {
    let pad = " ".repeat(indent + 2);
    let flat: Vec<String> = members.iter().map(Text::flat).collect();
    let flat = flat.join(" | ");
    if pad.len() + flat.len() + tail <= WIDTH {
        return format!("\n{pad}{flat}");
    }
    let lines =
        members.iter().map(|member| format!("\n{pad}{}", member.after(indent + 2, "|", "")));
    lines.collect()
}

/// `head(items)tail` on one line, else each item on its own.
pub fn list(indent: usize, head: &str, items: &[String], tail: &str) -> String {
    delimited(indent, head, ["(", ")"], items, tail)
}

/// `head{ items }tail` on one line, else each item on its own.
pub fn object(indent: usize, head: &str, items: &[String], tail: &str) -> String {
    if items.is_empty() {
        return format!("{head}{{}}{tail}");
    }
    let flat = format!("{head}{{ {} }}{tail}", items.join(", "));
    if indent + flat.len() <= WIDTH && !flat.contains('\n') {
        return flat;
    }
    exploded(indent, head, ["{", "}"], items, tail)
}

/// `head[items]tail`. Several objects are always exploded, as the formatter wants them.
pub fn array(indent: usize, head: &str, items: &[String], tail: &str) -> String {
    let objects = items.len() > 1 && items.iter().all(|item| item.starts_with('{'));
    if objects {
        exploded(indent, head, ["[", "]"], items, tail)
    } else {
        delimited(indent, head, ["[", "]"], items, tail)
    }
}

/// `const NAME = 'text';`, with the literal on a line of its own when it does not fit.
pub fn constant(indent: usize, name: &str, literal: &str) -> String {
    let flat = format!("const {name} = {literal};");
    if indent + flat.len() <= WIDTH {
        return flat;
    }
    format!("const {name} =\n{}{literal};", " ".repeat(indent + 2))
}

fn delimited(indent: usize, head: &str, marks: [&str; 2], items: &[String], tail: &str) -> String {
    let [open, close] = marks;
    let flat = format!("{head}{open}{}{close}{tail}", items.join(", "));
    if (indent + flat.len() <= WIDTH && !flat.contains('\n')) || items.is_empty() {
        return flat;
    }
    exploded(indent, head, marks, items, tail)
}

/// `head{`, each item on its own line, `}tail`.
pub fn exploded(
    indent: usize,
    head: &str,
    marks: [&str; 2],
    items: &[String],
    tail: &str,
) -> String {
    let [open, close] = marks;
    let pad = " ".repeat(indent + 2);
    let mut out = format!("{head}{open}\n");
    for item in items {
        let _ = writeln!(out, "{pad}{item},");
    }
    let _ = write!(out, "{}{close}{tail}", " ".repeat(indent));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_that_does_not_fit_stands_on_lines() {
        let long = |letter: &str| Text::atom(format!("'{}'", letter.repeat(50)));
        let union = Text::union([long("a"), long("b"), Text::atom("null")]);
        let text = Text::Array(Box::new(union)).after(2, "names:", ";");
        assert!(text.starts_with("names: (\n    | 'aaa"));
        assert!(text.ends_with("\n    | null\n  )[];"));
    }

    #[test]
    fn a_short_call_stays_on_one_line() {
        let items = ["a".to_owned(), "b".to_owned()];
        assert_eq!(list(4, "call", &items, ";"), "call(a, b);");
        let head = "x".repeat(95);
        assert_eq!(list(0, &head, &items, ";"), format!("{head}(\n  a,\n  b,\n);"));
    }
}
