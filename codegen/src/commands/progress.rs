//! One line that says what takes so long. Only on a terminal, and only after a second.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

struct State {
    phase: &'static str,
    done: bool,
}

/// Ends, and wipes its line, when dropped.
pub struct Progress {
    state: Arc<(Mutex<State>, Condvar)>,
    printer: Option<JoinHandle<()>>,
}

impl Progress {
    pub fn start(wanted: bool) -> Self {
        let state = Arc::new((Mutex::new(State { phase: "", done: false }), Condvar::new()));
        let shared = Arc::clone(&state);
        let printer = (wanted && std::io::stderr().is_terminal())
            .then(|| std::thread::spawn(move || print(&shared.0, &shared.1)));
        Self { state, printer }
    }

    pub fn phase(&self, phase: &'static str) {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner).phase = phase;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner).done = true;
        self.state.1.notify_all();
        if let Some(printer) = self.printer.take() {
            let _ = printer.join();
        }
    }
}

fn print(state: &Mutex<State>, changed: &Condvar) {
    let start = Instant::now();
    let mut shown = false;
    let mut wait = PATIENCE;
    let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
    while !guard.done {
        guard = changed.wait_timeout(guard, wait).unwrap_or_else(PoisonError::into_inner).0;
        wait = TICK;
        if !guard.done && start.elapsed() >= PATIENCE {
            shown = true;
            let seconds = start.elapsed().as_secs_f32();
            anstream::eprint!("\r\x1b[2K{seconds:.1} s  {}", guard.phase);
            let _ = std::io::stderr().flush();
        }
    }
    if shown {
        anstream::eprint!("\r\x1b[2K");
    }
}
