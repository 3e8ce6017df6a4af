//! How a command speaks while it runs: for people on standard output and error, or as one stream of JSON lines.

use crate::console::{self, Console, Tolerant};
use crate::diag;
use crate::exit::{Ended, Failure};
use crate::render::diagnostic::{self, Style};
use crate::render::events::{self, Stream};
use crate::render::lines::Lines;
use crate::render::live::Live;
use crate::render::plan::{self, PlanView};
use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use terrane_core::change::Action;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Place, SourceMap};
use terrane_plan::plan::Counts;
use terrane_runtime::{EventSink, SharedSink};

/// The voice of one command.
pub struct Voice {
    /// Who is at the other end.
    pub console: Console,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    sources: SourceMap,
    form: Form,
    copy: Option<Copy>,
    applied: Counts,
}

/// A second stream of JSON, into a file.
struct Copy {
    path: String,
    stream: JsonStream,
    /// Why its file is not whole: told at the end, since a run does not end because its progress cannot be written.
    failure: Option<io::Error>,
}

impl Copy {
    fn write(&mut self, write: impl FnOnce(&mut JsonStream) -> io::Result<()>) {
        if self.failure.is_none() {
            self.failure = write(&mut self.stream).and_then(|()| self.stream.flush()).err();
        }
    }
}

/// A stream of JSON lines, wherever it goes.
pub type JsonStream = Stream<Box<dyn io::Write + Send>>;

enum Form {
    Json(JsonStream),
    Lines(Lines<Tolerant<Stdout>>),
    Live(Live),
    /// How it goes is not told: standard output is for something that programs read.
    Silent,
}

/// Whether problems in the events of a run are told as they come, or collected by the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problems {
    /// Told as they come, in JSON; people read them at the end.
    AsTheyCome,
    /// The command tells them.
    Collected,
}

struct Sink {
    inner: Arc<Mutex<Inner>>,
    problems: Problems,
}

fn locked(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventSink for Sink {
    fn event(&self, event: Event) {
        crate::log::event(&event);
        let mut inner = locked(&self.inner);
        let Inner { sources, form, copy, applied } = &mut *inner;
        if let Event::ChangeDone { action, .. } = &event {
            count(applied, *action);
        }
        if matches!(event, Event::Problem(_)) && self.problems == Problems::Collected {
            return;
        }
        if let Some(copy) = copy {
            copy.write(|stream| stream.event(&event, sources));
        }
        // Nobody has to read how it goes: a run does not end because its progress cannot be written.
        let _unread = match form {
            Form::Json(stream) => stream.event(&event, sources).and_then(|()| stream.flush()),
            Form::Lines(lines) => lines.event(&event),
            Form::Live(live) => {
                live.event(&event);
                Ok(())
            }
            Form::Silent => Ok(()),
        };
    }
}

fn count(counts: &mut Counts, action: Action) {
    match action {
        Action::NoOp | Action::Read => {}
        Action::Create => counts.add += 1,
        Action::Update => counts.change += 1,
        Action::DeleteThenCreate | Action::CreateThenDelete => {
            counts.add += 1;
            counts.destroy += 1;
        }
        Action::Delete => counts.destroy += 1,
        Action::Forget => counts.forget += 1,
    }
}

impl Voice {
    /// A voice; in JSON its first line is written at once.
    ///
    /// # Errors
    /// Those of standard output; so for all that follow.
    pub fn new(console: Console) -> io::Result<Self> {
        let out = || Tolerant::new(io::stdout());
        let form = if console.is_json {
            let mut stream: JsonStream = Stream::new(Box::new(BufWriter::with_capacity(1 << 16, out())), events::now);
            stream.version()?;
            Form::Json(stream)
        } else if console.is_live {
            Form::Live(Live::new(console.out))
        } else {
            Form::Lines(Lines::new(out()))
        };
        let inner = Inner { sources: SourceMap::default(), form, copy: None, applied: Counts::default() };
        Ok(Self { console, inner: Arc::new(Mutex::new(inner)) })
    }

    /// Sends everything into a file as well, as JSON lines.
    ///
    /// # Errors
    /// The file cannot be made: told already, to whoever reads this voice.
    pub fn with_copy(self, path: &str) -> io::Result<Self> {
        let file = std::fs::File::create(path);
        let opened = file.and_then(|file| {
            let mut stream: JsonStream = Stream::new(Box::new(BufWriter::with_capacity(1 << 16, file)), events::now);
            stream.version()?;
            Ok(stream)
        });
        match opened {
            Ok(stream) => {
                locked(&self.inner).copy = Some(Copy { path: path.to_owned(), stream, failure: None });
                Ok(self)
            }
            Err(error) => {
                let _code = self.end(Err(not_written(path, &error).into()));
                Err(error)
            }
        }
    }

    /// Works with the texts that problems point into.
    pub fn with_sources<T>(&self, work: impl FnOnce(&SourceMap) -> T) -> T {
        work(&locked(&self.inner).sources)
    }

    /// Takes in the texts that problems point into.
    pub fn know(&self, sources: &SourceMap) {
        locked(&self.inner).sources = sources.clone();
    }

    /// Where a run sends what happens.
    pub fn sink(&self, problems: Problems) -> SharedSink {
        Arc::new(Sink { inner: Arc::clone(&self.inner), problems })
    }

    /// From here on tells people nothing of how it goes.
    pub fn hush(&self) {
        let mut inner = locked(&self.inner);
        if !matches!(inner.form, Form::Json(_)) {
            inner.form = Form::Silent;
        }
    }

    /// Forgets how many changes were told as done, and begins anew.
    pub fn count_anew(&self) {
        locked(&self.inner).applied = Counts::default();
    }

    /// How many changes were told as done.
    pub fn applied(&self) -> Counts {
        locked(&self.inner).applied
    }

    /// Takes what moves off the screen, before something else is written.
    pub fn settle(&self) {
        let mut inner = locked(&self.inner);
        if let Form::Live(live) = &mut inner.form {
            live.clear();
            let next = Live::new(self.console.out);
            inner.form = Form::Live(next);
        }
    }

    /// Problems, to standard error or into the stream.
    pub fn problems(&self, problems: &[Diagnostic]) -> io::Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.iter().for_each(crate::log::problem);
        self.settle();
        let mut inner = locked(&self.inner);
        let Inner { sources, form, copy, .. } = &mut *inner;
        if let Some(copy) = copy {
            copy.write(|stream| problems.iter().try_for_each(|problem| stream.problem(problem, sources)));
        }
        if let Form::Json(stream) = form {
            problems.iter().try_for_each(|problem| stream.problem(problem, sources))?;
            return stream.flush();
        }
        write_problems(self.console, problems, sources)
    }

    /// A plan, to standard output or into the stream.
    pub fn plan(&self, view: PlanView<'_>) -> io::Result<()> {
        self.settle();
        if let Some(copy) = &mut locked(&self.inner).copy {
            copy.write(|stream| stream.plan(view.plan));
        }
        if let Form::Json(stream) = &mut locked(&self.inner).form {
            stream.plan(view.plan)?;
            return stream.flush();
        }
        let mut out = console::stdout();
        plan::write(view, &mut out)?;
        out.flush()
    }

    /// Something for the streams alone.
    pub fn stream(&self, write: impl Fn(&mut JsonStream) -> io::Result<()>) -> io::Result<()> {
        let mut inner = locked(&self.inner);
        if let Some(copy) = &mut inner.copy {
            copy.write(&write);
        }
        match &mut inner.form {
            Form::Json(stream) => write(stream).and_then(|()| stream.flush()),
            Form::Lines(_) | Form::Live(_) | Form::Silent => Ok(()),
        }
    }

    /// A line for people, on standard output.
    pub fn say(&self, text: &str) -> io::Result<()> {
        if self.console.is_json {
            return Ok(());
        }
        self.settle();
        let mut out = console::stdout();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// The end of a command: its problems, and in JSON the last line.
    pub fn end(&self, outcome: Result<Ended, Failure>) -> u8 {
        self.settle();
        let (ended, told) = match outcome {
            Ok(ended) => (ended, Ok(())),
            Err(failure) => {
                if let Some(sources) = &failure.sources {
                    self.know(sources);
                }
                (failure.ended, self.problems(&failure.problems))
            }
        };
        let last = self.stream(|stream| stream.outcome(ended.code, ended.reason));
        let lost = locked(&self.inner).copy.as_mut().and_then(|copy| {
            let error = copy.failure.take()?;
            Some(not_written(&copy.path, &error))
        });
        let lost = lost.map_or(Ok(()), |problem| {
            let told = self.problems(&[problem]);
            told.and(Err(io::Error::other("the copy is not whole")))
        });
        // When the end itself cannot be told, only the exit code is left to tell that.
        if told.and(last).and(lost).is_err() && ended.code == 0 { 1 } else { ended.code }
    }
}

fn not_written(path: &str, error: &io::Error) -> Diagnostic {
    diag::FILE_NOT_WRITTEN.at(Place::File(path.to_owned())).detail(error.to_string())
}

/// Problems for people, on standard error.
///
/// # Errors
/// Those of standard error.
pub fn write_problems(console: Console, problems: &[Diagnostic], sources: &SourceMap) -> io::Result<()> {
    let style = Style {
        paint: console.err,
        is_framed: console.err.is_on(),
        has_compact_warnings: console.has_compact_warnings,
    };
    let mut err = console::stderr();
    diagnostic::write_all(problems, sources, style, &mut err)?;
    err.flush()
}
