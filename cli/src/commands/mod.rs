//! One module for each command of this program that is not the compiler's.

pub mod down;
pub mod stub;
pub mod up;
pub mod validate_manifest;
