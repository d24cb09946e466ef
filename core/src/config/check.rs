//! What can be said of the settings without serving: do the files they name exist, do they hold
//! what they should, are secrets closed to others.

use std::fs;

use super::Config;
use crate::telemetry::Scraper;
use crate::{egress, server};

/// Everything that would stop a start, at once. Makes nothing.
pub fn check_files(config: &Config) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    let mut check = |result: anyhow::Result<()>| {
        if let Err(error) = result {
            faults.push(format!("{error:#}"));
        }
    };
    if let Some(tls) = &config.tls {
        check(server::tls::read(tls).map(drop));
    }
    check(Scraper::open(config.metrics_token_file.as_deref()).map(drop));
    check(egress::connect::Tls::new(config.egress_roots.as_deref()).map(drop));
    if let Ok(found) = fs::metadata(&config.data_dir)
        && !found.is_dir()
    {
        check(Err(anyhow::anyhow!("{}: is not a folder", config.data_dir.display())));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
