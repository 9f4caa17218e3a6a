//! A `pullpass serve` that is going to be killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use pullpass_testing::home::Home;

use crate::program::pullpass;

/// A server on a free port of 127.0.0.1. It is killed on drop.
pub(crate) struct Serving {
    child: Child,
    /// `127.0.0.1:PORT`
    pub(crate) registry: String,
    log: Arc<Mutex<String>>,
}

impl Serving {
    /// Starts one and waits until it listens.
    pub(crate) fn start(home: &Home, data: &Path) -> Serving {
        Serving::of(serve(pullpass(home), data))
    }

    /// Starts `command`, which is a server, and waits until it listens.
    pub(crate) fn of(mut command: Command) -> Serving {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("pullpass starts");
        let stderr = BufReader::new(child.stderr.take().expect("a piped standard error"));
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let written = Arc::clone(&log);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("listening on http://") {
                    // Only the first is waited for.
                    drop(found.send(address.trim().to_owned()));
                }
                let mut log = written.lock().expect("no panic while logging");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut serving = Serving { child, registry: String::new(), log };
        match address.recv_timeout(Duration::from_secs(30)) {
            Ok(registry) => serving.registry = registry,
            Err(_) => panic!("the server does not start:\n{}", serving.log()),
        }
        serving
    }

    /// Starts one and kills it `after` that, whatever it is doing by then.
    pub(crate) fn start_and_kill(home: &Home, data: &Path, after: Duration) {
        let mut child = serve(pullpass(home), data).stderr(Stdio::null()).spawn().expect("pullpass starts");
        thread::sleep(after);
        child.kill().and_then(|()| child.wait()).expect("a child of ours");
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("a child of ours");
    }

    /// What it wrote to standard error.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic while logging").clone()
    }

    /// It runs and has complained of nothing.
    pub(crate) fn expect_quiet(mut self) {
        let ended = self.child.try_wait().expect("a child of ours");
        let log = self.log();
        assert!(ended.is_none() && !log.contains("ERROR") && !log.contains("panicked"), "{ended:?}\n{log}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may be dead already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Makes `program` a server of `data`.
pub(crate) fn serve(mut program: Command, data: &Path) -> Command {
    program.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    program.stdin(Stdio::null()).stdout(Stdio::null());
    program
}
