//! House rules for specs.

use crate::config::Config;
use crate::contract::Contract;
use crate::load::documents::Documents;
use crate::problem::Problems;

/// Checks the contract against the rules the configuration asks for.
pub fn check(
    _config: &Config,
    _contract: &Contract,
    _documents: &Documents,
    _problems: &mut Problems,
) {
}
