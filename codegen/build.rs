//! Templates are embedded into the compiler; a file added to them calls for a new build.

fn main() {
    println!("cargo::rerun-if-changed=../templates");
    println!("cargo::rerun-if-changed=build.rs");
}
