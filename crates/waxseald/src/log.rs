//! Where lines for people go: stderr, with priorities where systemd reads it, or syslog.

use crate::settings::LogTo;
use std::{ffi::CString, fmt};
use syslog_tracing::{Facility, Options, Syslog};
use tracing::{Event, Level, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Sends lines there from now on; a second call changes nothing.
pub(crate) fn start(to: &LogTo) -> Result<(), String> {
    // A line that could not be written is lost; to complain of it on stderr, which may be as full, ends a process.
    let builder = tracing_subscriber::fmt().with_max_level(Level::INFO).log_internal_errors(false);
    let started = match to {
        LogTo::Stderr => {
            let is_journal = std::env::var_os("JOURNAL_STREAM").is_some();
            builder.event_format(Line { with_priority: is_journal }).with_writer(std::io::stderr).try_init()
        }
        LogTo::Json => {
            builder.event_format(Line { with_priority: false }).with_writer(std::io::stderr).try_init()
        }
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

/// The text of an event and nothing else: time and program are added by whoever keeps the log.
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
        let mut text = Text(String::new());
        event.record(&mut text);
        writeln!(out, "{}", text.0)
    }
}

/// The message, on one line whatever strangers wrote into it.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let text = format!("{value:?}");
            self.0.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
    }
}
