//! The settings of the file, by name. A variable of the same name in capitals, with `VIVIFIED_`
//! in front and `_` for each point, says the same and wins.

/// One setting and what it usually is.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    /// As the file would write it; none when there is nothing usual.
    pub usual: Option<&'static str>,
}

const fn key(name: &'static str, usual: &'static str) -> Key {
    Key { name, usual: Some(usual) }
}

const fn unset(name: &'static str) -> Key {
    Key { name, usual: None }
}

pub const KEYS: &[Key] = &[
    key("listen", "\"0.0.0.0:8443\""),
    key("data_dir", "\"vivified-data\""),
    unset("tls_cert"),
    unset("tls_key"),
    unset("tls_client_ca"),
    key("dns_servers", "[]"),
    unset("egress_roots"),
    key("egress_denied", "[]"),
    unset("metrics_token_file"),
    unset("otlp_endpoint"),
    unset("audit_checkpoints"),
    key("audit_retention_years", "6"),
    key("session_idle_minutes", "15"),
    key("key_rotation_days", "90"),
    key("limits.connections", "1024"),
    key("limits.connections_per_address", "64"),
    key("limits.handshake_seconds", "10"),
    key("limits.header_seconds", "10"),
    key("limits.idle_seconds", "60"),
    key("limits.write_seconds", "30"),
    key("limits.requests", "1024"),
    key("limits.waiting", "4096"),
    key("limits.drain_seconds", "10"),
    key("limits.drain_delay_seconds", "0"),
    key("rates.address.per_second", "2000"),
    key("rates.address.burst", "4000"),
    key("rates.strangers.per_second", "10"),
    key("rates.strangers.burst", "200"),
    key("rates.login.per_second", "1"),
    key("rates.login.burst", "30"),
    key("rates.public.per_second", "50"),
    key("rates.public.burst", "200"),
    key("rates.admin.per_second", "10"),
    key("rates.admin.burst", "120"),
    key("rates.control.per_second", "10"),
    key("rates.control.burst", "60"),
    key("rates.egress.per_second", "2"),
    key("rates.egress.burst", "100"),
    key("rates.lane.per_second", "1000"),
    key("rates.lane.burst", "2000"),
];
