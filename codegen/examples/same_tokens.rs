//! Compares the tokens of Rust files in pairs of folders, literals blanked. Pairs come on standard
//! input, one `ONE<tab>TWO` per line; files that differ are printed and the exit code is 1.

use proc_macro2::{TokenStream, TokenTree};
use std::fmt::Write;
use std::fs;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut found = false;
    for line in io::stdin().lock().lines() {
        let line = line.expect("standard input is readable");
        let Some((one, two)) = line.split_once('\t') else { continue };
        for below in rust_files(Path::new(one), Path::new("")) {
            let other = Path::new(two).join(&below);
            if other.exists() && shape(&Path::new(one).join(&below)) != shape(&other) {
                println!("{}", other.display());
                found = true;
            }
        }
    }
    if found { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn rust_files(root: &Path, below: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(below)).expect("the folder is readable") {
        let name = below.join(entry.expect("the entry is readable").file_name());
        if root.join(&name).is_dir() {
            files.extend(rust_files(root, &name));
        } else if name.extension().is_some_and(|extension| extension == "rs") {
            files.push(name);
        }
    }
    files
}

/// Every token but the text of literals; a file that is no Rust is a shape of its own.
fn shape(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the file is readable");
    let mut shape = String::new();
    match text.parse::<TokenStream>() {
        Ok(tokens) => write_tokens(tokens, &mut shape),
        Err(error) => shape = format!("not Rust: {error}"),
    }
    shape
}

/// Documentation is text however many lines it has, and a comma before a closing bracket is
/// layout; both are left out.
fn write_tokens(tokens: TokenStream, shape: &mut String) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        if let Some(length) = documentation(&tokens[index..]) {
            index += length;
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                shape.push('(');
                write_tokens(group.stream(), shape);
                shape.push(')');
            }
            TokenTree::Literal(literal) if literal.to_string().contains('"') => shape.push('"'),
            TokenTree::Punct(mark) if mark.as_char() == ',' && index + 1 == tokens.len() => {}
            other => write!(shape, " {other}").expect("writing to a string cannot fail"),
        }
        index += 1;
    }
}

/// Length of `#[doc = "..."]` or `#![doc = "..."]` at the start of the tokens.
fn documentation(tokens: &[TokenTree]) -> Option<usize> {
    let is_mark = |token: Option<&TokenTree>, mark| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
    if !is_mark(tokens.first(), '#') {
        return None;
    }
    let length = if is_mark(tokens.get(1), '!') { 3 } else { 2 };
    let Some(TokenTree::Group(group)) = tokens.get(length - 1) else { return None };
    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
    let is_doc = inside.first().is_some_and(|token| token.to_string() == "doc");
    let is_text = matches!(inside.last(), Some(TokenTree::Literal(_)));
    (is_doc && inside.len() == 3 && is_text).then_some(length)
}
