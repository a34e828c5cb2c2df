//! Runs `longwire connect` from start to end.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{TryRecvError, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::frames::{CLOSE, FIN, TEXT};
use crate::process::{MIB, Process};

/// The client's own deadline for a handshake is 10 s, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// One client at a time, so that each is measured alone.
static TURN: Mutex<()> = Mutex::new(());

/// How a client ended, and its cost.
struct Ended {
    code: Option<i32>,
    complaints: String,
    peak_memory: usize,
    cpu: Duration,
}

/// The memory of a failing client beyond that of a successful one, for any attack: the pages of the unoptimized program
/// that only its errors use.
const PAGES_OF_ERRORS: usize = MIB;

/// The exit codes of `longwire connect`.
pub(crate) const LOST: i32 = 1;
pub(crate) const REFUSED: i32 = 5;
pub(crate) const BROKE_THE_PROTOCOL: i32 = 6;

/// Runs a client against a server that does `harm`. It must exit with this code and print a line that contains
/// `complaint`. It may use at most `memory` bytes more than a client that is served normally.
pub(crate) fn suffers(
    attack: &str,
    harm: impl FnOnce(&mut Caller) + Send + 'static,
    code: i32,
    complaint: &str,
    memory: usize,
) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let usual = served_well();
    let ended = call(harm);
    let grown = ended.peak_memory.saturating_sub(usual);
    print_row(attack, &ended, grown, memory);
    assert_eq!(ended.code, Some(code), "{attack}: {}", ended.complaints);
    assert_eq!(ended.complaints.lines().count(), 1, "{attack}: {}", ended.complaints);
    assert!(ended.complaints.contains(complaint), "{attack}: {}", ended.complaints);
    assert!(grown <= memory + PAGES_OF_ERRORS, "{attack}: {grown} bytes of memory");
    assert!(ended.cpu <= Duration::from_secs(8), "{attack}: {:?} of CPU time", ended.cpu);
}

/// The memory of a client that receives a message and a normal closure.
fn served_well() -> usize {
    static USUAL: OnceLock<usize> = OnceLock::new();
    *USUAL.get_or_init(|| {
        let ended = call(|caller| {
            caller.accept("");
            caller.send_frame(FIN | TEXT, "good morning");
            caller.send_frame(FIN | CLOSE, 1000_u16.to_be_bytes());
            assert_eq!(caller.close_code(), Some(1000));
        });
        assert_eq!((ended.code, ended.complaints.as_str()), (Some(0), ""));
        ended.peak_memory
    })
}

/// Runs a client to completion against a server that `answers` it.
fn call(answers: impl FnOnce(&mut Caller) + Send + 'static) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((done, is_done), (looked, has_looked)) = (channel::<()>(), channel::<()>());
    let server = thread::spawn(move || {
        let mut caller = Caller::new(listener.accept().unwrap().0);
        answers(&mut caller);
        // Check what the client has accepted before it may end with the connection.
        drop(done);
        let _looked = has_looked.recv();
    });

    let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
        .args(["connect", &format!("ws://{address}/")])
        .env_remove("LONGWIRE_LOG")
        // Keep standard input open, so that the client has no reason of its own to end.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let complaints = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });

    let process = Process::new(child.id());
    let start = Instant::now();
    let mut peak_memory = 0;
    let mut looked = Some(looked);
    loop {
        let is_last_look = is_done.try_recv() == Err(TryRecvError::Disconnected);
        let Some(peak) = process.peak_memory() else { break };
        peak_memory = peak;
        if is_last_look {
            looked = None;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the client hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
    drop(looked);
    let cpu = process.cpu();
    let stdin = child.stdin.take();
    let code = child.wait().unwrap().code();
    drop(stdin);
    let complaints = complaints.join().unwrap();
    // If the client ended without connecting, the server is still waiting.
    let _call = TcpStream::connect(address);
    if server.join().is_err() {
        panic!("the server failed; the client said: {complaints}");
    }
    Ended { code, complaints, peak_memory, cpu }
}

fn print_row(attack: &str, ended: &Ended, grown: usize, bound: usize) {
    let mib = |bytes: usize| bytes as f64 / MIB as f64;
    // The complaint may contain text from the server.
    let complaint: String = ended.complaints.trim_end().chars().take(120).collect();
    println!(
        "| {attack} | {complaint} | {:.1} of {:.1} MiB | {:.2} s |",
        mib(grown),
        mib(bound),
        ended.cpu.as_secs_f64(),
    );
}
