//! Counters, gauges and histograms as rows of atomic cells, and their text form
//! (Prometheus exposition format 0.0.4).
//!
//! The row of a family has one cell for each point of its labels. It is made at the first use and
//! never grows; counting is one addition without a lock.

use std::fmt::Write;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::label::Label;

/// Something that stands in the exposition.
pub trait Family: Sync {
    fn name(&self) -> &'static str;
    fn write(&self, out: &mut String);
}

/// Only ever grows.
pub struct Counter<L> {
    name: &'static str,
    help: &'static str,
    cells: OnceLock<Box<[AtomicU64]>>,
    label: PhantomData<L>,
}

impl<L: Label> Counter<L> {
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, cells: OnceLock::new(), label: PhantomData }
    }

    pub fn add(&self, label: L, more: u64) {
        let cells = self.cells.get_or_init(|| row(L::count()));
        cells[label.index()].fetch_add(more, Ordering::Relaxed);
    }

    pub fn count(&self, label: L) {
        self.add(label, 1);
    }

    pub fn value(&self, label: L) -> u64 {
        self.cells.get().map_or(0, |cells| cells[label.index()].load(Ordering::Relaxed))
    }
}

impl<L: Label> Family for Counter<L> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "counter");
        let cells = self.cells.get_or_init(|| row(L::count()));
        for (index, cell) in cells.iter().enumerate() {
            line(out, self.name, "", &L::describe(index), None, cell.load(Ordering::Relaxed));
        }
    }
}

/// Goes up and down.
pub struct Gauge<L> {
    name: &'static str,
    help: &'static str,
    cells: OnceLock<Box<[AtomicI64]>>,
    label: PhantomData<L>,
}

impl<L: Label> Gauge<L> {
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, cells: OnceLock::new(), label: PhantomData }
    }

    pub fn add(&self, label: L, change: i64) {
        self.cell(label).fetch_add(change, Ordering::Relaxed);
    }

    pub fn set(&self, label: L, value: i64) {
        self.cell(label).store(value, Ordering::Relaxed);
    }

    pub fn value(&self, label: L) -> i64 {
        self.cell(label).load(Ordering::Relaxed)
    }

    fn cell(&self, label: L) -> &AtomicI64 {
        &self.cells.get_or_init(|| row(L::count()))[label.index()]
    }
}

impl<L: Label> Family for Gauge<L> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "gauge");
        let cells = self.cells.get_or_init(|| row(L::count()));
        for (index, cell) in cells.iter().enumerate() {
            line(out, self.name, "", &L::describe(index), None, cell.load(Ordering::Relaxed));
        }
    }
}

/// How values spread over fixed steps.
pub struct Histogram<L> {
    name: &'static str,
    help: &'static str,
    /// Upper ends, ascending, in the unit of the values.
    steps: &'static [u64],
    /// What one unit of the exposition is in units of the values.
    unit: u64,
    cells: OnceLock<Box<[AtomicU64]>>,
    label: PhantomData<L>,
}

/// Microseconds, from a tenth of a millisecond to ten seconds.
const DURATIONS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

impl<L: Label> Histogram<L> {
    /// Of durations, shown in seconds.
    pub const fn of_durations(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, DURATIONS, 1_000_000)
    }

    /// Of small counts.
    pub const fn of_sizes(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, SIZES, 1)
    }

    const fn new(name: &'static str, help: &'static str, steps: &'static [u64], unit: u64) -> Self {
        Self { name, help, steps, unit, cells: OnceLock::new(), label: PhantomData }
    }

    pub fn time(&self, label: L, elapsed: Duration) {
        self.note(label, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn note(&self, label: L, value: u64) {
        let step = self.steps.partition_point(|end| *end < value);
        let start = label.index() * self.width();
        let cells = self.cells();
        cells[start + step].fetch_add(1, Ordering::Relaxed);
        cells[start + self.width() - 1].fetch_add(value, Ordering::Relaxed);
    }

    /// How many values were noted.
    pub fn value(&self, label: L) -> u64 {
        let start = label.index() * self.width();
        let row = &self.cells()[start..start + self.width() - 1];
        row.iter().map(|cell| cell.load(Ordering::Relaxed)).sum()
    }

    /// One cell for each step, one beyond the last, one for the sum.
    fn width(&self) -> usize {
        self.steps.len() + 2
    }

    fn cells(&self) -> &[AtomicU64] {
        self.cells.get_or_init(|| row(L::count() * self.width()))
    }

    fn shown(&self, value: u64) -> f64 {
        value as f64 / self.unit as f64
    }
}

impl<L: Label> Family for Histogram<L> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "histogram");
        for (index, row) in self.cells().chunks_exact(self.width()).enumerate() {
            let labels = L::describe(index);
            let mut total = 0;
            for (step, end) in self.steps.iter().enumerate() {
                total += row[step].load(Ordering::Relaxed);
                let end = self.shown(*end).to_string();
                line(out, self.name, "_bucket", &labels, Some(&end), total);
            }
            total += row[self.steps.len()].load(Ordering::Relaxed);
            let sum = self.shown(row[self.steps.len() + 1].load(Ordering::Relaxed));
            line(out, self.name, "_bucket", &labels, Some("+Inf"), total);
            line(out, self.name, "_sum", &labels, None, sum);
            line(out, self.name, "_count", &labels, None, total);
        }
    }
}

fn row<T: Default>(count: usize) -> Box<[T]> {
    (0..count).map(|_| T::default()).collect()
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Labels are words of the program, so nothing in them needs an escape.
fn line(
    out: &mut String,
    name: &str,
    suffix: &str,
    labels: &[(&'static str, &'static str)],
    end: Option<&str>,
    value: impl std::fmt::Display,
) {
    let _ = write!(out, "{name}{suffix}");
    let all = labels.iter().copied().chain(end.map(|end| ("le", end)));
    let mut opening = '{';
    for (label, text) in all {
        let _ = write!(out, "{opening}{label}=\"{text}\"");
        opening = ',';
    }
    let _ = writeln!(out, "{} {value}", if opening == ',' { "}" } else { "" });
}
