//! Where log lines go: to stderr (as text, with priorities if systemd reads it, or as JSON) or to syslog.

use crate::settings::LogTo;
use serde_json::{Map, Value};
use std::{
    ffi::CString,
    fmt::{self, Write as _},
    os::unix::fs::MetadataExt,
    time::{SystemTime, UNIX_EPOCH},
};
use syslog_tracing::{Facility, Options, Syslog};
use tracing::{Event, Level, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Sends log lines to the target from now on; a second call has no effect.
pub(crate) fn start(to: &LogTo) -> Result<(), String> {
    // A line that cannot be written is lost: an attempt to report that on a full stderr would end the process.
    let builder = tracing_subscriber::fmt().with_max_level(Level::INFO).log_internal_errors(false);
    let started = match to {
        LogTo::Stderr => {
            builder.event_format(Line { with_priority: is_journal() }).with_writer(std::io::stderr).try_init()
        }
        LogTo::Json => builder.event_format(Object).with_writer(std::io::stderr).try_init(),
        LogTo::Syslog { facility, name } => {
            let facility = self::facility(facility)?;
            let name = CString::new(name.as_str()).map_err(|error| format!("SyslogName: {error}"))?;
            let syslog = Syslog::new(name, Options::LOG_PID, facility).ok_or("syslog is in use already")?;
            builder.event_format(Line { with_priority: false }).with_writer(syslog).try_init()
        }
    };
    started.map_err(|error| error.to_string())
}

fn facility(name: &str) -> Result<Facility, String> {
    const NAMES: [(&str, Facility); 12] = [
        ("auth", Facility::Auth),
        ("cron", Facility::Cron),
        ("daemon", Facility::Daemon),
        ("mail", Facility::Mail),
        ("local0", Facility::Local0),
        ("local1", Facility::Local1),
        ("local2", Facility::Local2),
        ("local3", Facility::Local3),
        ("local4", Facility::Local4),
        ("local5", Facility::Local5),
        ("local6", Facility::Local6),
        ("local7", Facility::Local7),
    ];
    let known =
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, facility)| *facility);
    known.ok_or_else(|| format!("SyslogFacility: {name:?} is not known; for example mail"))
}

/// Whether stderr is the stream that systemd's journal reads, judging by device and inode.
fn is_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let named =
        stream.split_once(':').and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
    std::fs::metadata("/proc/self/fd/2").is_ok_and(|stderr| named == Some((stderr.dev(), stderr.ino())))
}

/// Only the text of an event: the receiver of the log adds time and program.
struct Line {
    with_priority: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if self.with_priority {
            let priority = match *event.metadata().level() {
                Level::ERROR => 3,
                Level::WARN => 4,
                Level::INFO => 6,
                _ => 7,
            };
            write!(out, "<{priority}>")?;
        }
        event.record(&mut Text(&mut out));
        writeln!(out)
    }
}

/// The message, always on one line, whatever text from outside it contains.
struct Text<'o, 'w>(&'o mut Writer<'w>);

impl Visit for Text<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // A line that could not be written is lost.
            _ = write!(self, "{value:?}");
        }
    }
}

impl fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|c| self.0.write_char(if c.is_control() { ' ' } else { c }))
    }
}

/// An event as an object of JSON: time, level, text, and for a message its parts.
struct Object;

impl<S, N> FormatEvent<S, N> for Object
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut parts = Parts(Map::new());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        parts.put("time", now.as_secs_f64());
        parts.put("level", event.metadata().level().as_str().to_ascii_lowercase());
        event.record(&mut parts);
        writeln!(out, "{}", Value::Object(parts.0))
    }
}

/// The fields of an event.
struct Parts(Map<String, Value>);

impl Parts {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        let name = if name == "message" { "text" } else { name };
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}
