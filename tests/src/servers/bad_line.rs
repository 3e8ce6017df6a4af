//! A bad line to a server of HTTP: requests get lost, answers get lost, both are late, and some requests arrive twice,
//! the second time when nobody thinks of them any more.

use crate::sim::driver::Dice;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Nobody waits longer for the other end.
const DEADLINE: Duration = Duration::from_secs(30);
/// The largest request head.
const MOST_HEAD: usize = 64 * 1024;

/// What a line did to requests.
#[derive(Debug, Default)]
pub struct Faults {
    /// All requests.
    pub requests: AtomicU64,
    /// Never arrived.
    pub lost: AtomicU64,
    /// Arrived, and nobody heard of it.
    pub unanswered: AtomicU64,
    /// Arrived twice.
    pub repeated: AtomicU64,
    /// Arrived late, or were answered late.
    pub late: AtomicU64,
}

/// A request that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// `GET`.
    pub method: String,
    /// Path and query, as they were sent.
    pub path: String,
    /// Bytes of its body.
    pub sent: usize,
    /// Bytes of the answer, with its head.
    pub received: usize,
}

/// The line; it ends when it is dropped.
pub struct BadLine {
    address: SocketAddr,
    faults: Arc<Faults>,
    passed: Arc<Mutex<Vec<Passed>>>,
    is_over: Arc<AtomicBool>,
}

/// What all connections share.
struct Shared {
    to: SocketAddr,
    one_in: u64,
    longest_ms: u64,
    dice: Mutex<Dice>,
    faults: Arc<Faults>,
    passed: Arc<Mutex<Vec<Passed>>>,
}

/// What happens to a request.
#[derive(Clone, Copy)]
enum Fate {
    Passes,
    Lost,
    Unanswered,
    Repeated,
    LateThere,
    LateBack,
}

impl BadLine {
    /// A line to that port without a fault, which only counts.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn without_faults(port: u16) -> Self {
        Self::start(port, u64::MAX, 0, 1)
    }

    /// A line to that port, where one request in `one_in` has a fault, and none is late by more than `longest_ms`.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn start(port: u16, one_in: u64, longest_ms: u64, seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (faults, is_over) = (Arc::new(Faults::default()), Arc::new(AtomicBool::new(false)));
        let passed = Arc::new(Mutex::default());
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let dice = Mutex::new(Dice(seed));
        let shared =
            Arc::new(Shared { to, one_in, longest_ms, dice, faults: faults.clone(), passed: Arc::clone(&passed) });
        let ends = is_over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                let shared = shared.clone();
                // A connection that breaks is what clients have to live with anyway.
                std::thread::spawn(move || stream.and_then(|stream| shared.serve(stream)).ok());
            }
        });
        Self { address, faults, passed, is_over }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What passed since it was asked last.
    #[must_use]
    pub fn take_passed(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.passed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it did so far.
    #[must_use]
    pub fn told(&self) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let faults = &*self.faults;
        format!(
            "{} requests: {} lost, {} not answered, {} repeated, {} late",
            count(&faults.requests),
            count(&faults.lost),
            count(&faults.unanswered),
            count(&faults.repeated),
            count(&faults.late)
        )
    }
}

impl Drop for BadLine {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Whoever waits for a connection gets one, and sees that it is over.
        let _woken = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn roll(&self, sides: u64) -> u64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).roll(sides.max(1))
    }

    fn fate(&self) -> Fate {
        let faults = &self.faults;
        let (fate, counter) = match (self.roll(self.one_in), self.roll(5)) {
            (1.., _) => (Fate::Passes, &faults.requests),
            (0, 0) => (Fate::Lost, &faults.lost),
            (0, 1) => (Fate::Unanswered, &faults.unanswered),
            (0, 2) => (Fate::Repeated, &faults.repeated),
            (0, 3) => (Fate::LateThere, &faults.late),
            (0, _) => (Fate::LateBack, &faults.late),
        };
        if !matches!(fate, Fate::Passes) {
            faults.requests.fetch_add(1, Ordering::Relaxed);
        }
        counter.fetch_add(1, Ordering::Relaxed);
        fate
    }

    fn wait(&self) {
        std::thread::sleep(Duration::from_millis(self.roll(self.longest_ms)));
    }

    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_read_timeout(Some(DEADLINE))?;
        let Some(request) = read_request(&mut client)? else { return Ok(()) };
        match self.fate() {
            Fate::Passes => client.write_all(&self.forward(&request)?),
            Fate::Lost => Ok(()),
            Fate::Unanswered => self.forward(&request).map(|_| ()),
            Fate::Repeated => {
                let answered = client.write_all(&self.forward(&request)?);
                drop(client);
                self.wait();
                self.forward(&request)?;
                answered
            }
            Fate::LateThere => {
                self.wait();
                client.write_all(&self.forward(&request)?)
            }
            Fate::LateBack => {
                let answer = self.forward(&request)?;
                self.wait();
                client.write_all(&answer)
            }
        }
    }

    /// The whole answer, of a connection of its own.
    fn forward(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(self.to)?;
        server.set_read_timeout(Some(DEADLINE))?;
        server.write_all(request)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        self.note(request, answer.len());
        Ok(answer)
    }
}

impl Shared {
    fn note(&self, request: &[u8], received: usize) {
        let head = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(request.len());
        let line = String::from_utf8_lossy(&request[..head]).lines().next().unwrap_or_default().to_owned();
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let passed = Passed { method, path, sent: request.len().saturating_sub(head + 4), received };
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).push(passed);
    }
}

/// One request that ends its connection, whatever the client asked for; `None` when there is none.
fn read_request(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    let mut chunk = [0; 16 * 1024];
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        let count = client.read(&mut chunk)?;
        if count == 0 || read.len() > MOST_HEAD {
            return Ok(None);
        }
        read.extend_from_slice(&chunk[..count]);
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let of = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
    };
    let length = of("content-length").map_or(0, |length| length.parse().unwrap());
    assert!(of("transfer-encoding").is_none(), "a request in chunks, which this line does not know");
    while read.len() < end + 4 + length {
        let count = client.read(&mut chunk)?;
        if count == 0 {
            return Ok(None);
        }
        read.extend_from_slice(&chunk[..count]);
    }
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut request = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
    request.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
    request.extend_from_slice(&read[end + 4..end + 4 + length]);
    Ok(Some(request))
}
