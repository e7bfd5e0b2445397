//! From the text of a table to its rows.

use crate::{
    data_set::{DataSet, Form, Source},
    problem::{InvalidTable, MAX_LINE, MAX_TABLE, ProblemKind, Problems},
};

/// A line with a key, and the value behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) line: usize,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
}

/// What a data set holds.
#[derive(Debug)]
pub(crate) enum Content {
    Text(Form, Vec<u8>),
    Rows(Vec<(String, String)>),
}

impl Content {
    pub(crate) fn read(set: &DataSet, source: &dyn Source) -> Result<Self, InvalidTable> {
        let file = |form, path: &String| {
            let read = source.read(path);
            let bytes = read.map_err(|error| InvalidTable::Unreadable { path: path.clone(), error })?;
            Ok(Self::Text(form, bytes))
        };
        match set {
            DataSet::File(path) => file(Form::File, path),
            DataSet::Refile(path) => file(Form::Refile, path),
            DataSet::List(list) => Ok(Self::Text(Form::List, list.clone().into_bytes())),
            DataSet::Database { kind, location } => {
                let not_read =
                    |error| InvalidTable::NotRead { kind: kind.clone(), location: location.clone(), error };
                source.rows(kind, location).map(Self::Rows).map_err(not_read)
            }
        }
    }

    /// Patterns are read as such only in a refile.
    pub(crate) fn has_patterns(&self) -> bool {
        matches!(self, Self::Text(Form::Refile, _))
    }

    /// Bytes and rows at most.
    pub(crate) fn size(&self) -> (usize, usize) {
        match self {
            Self::Text(Form::List, text) => (text.len(), memchr::memchr_iter(b',', text).count() + 1),
            Self::Text(_, text) => (text.len(), memchr::memchr_iter(b'\n', text).count() + 1),
            Self::Rows(rows) => (rows.iter().map(|(key, value)| key.len() + value.len()).sum(), rows.len()),
        }
    }

    /// Hands over each row, in order.
    pub(crate) fn rows(
        &self,
        problems: &mut Problems,
        mut row: impl FnMut(Row<'_>),
    ) -> Result<(), InvalidTable> {
        let (bytes, _) = self.size();
        if bytes > MAX_TABLE {
            return Err(InvalidTable::TooLong(bytes));
        }
        match self {
            Self::Text(Form::List, text) => {
                for (number, entry) in text.split(|byte| *byte == b',').enumerate() {
                    if let Some(entry) = clean(number + 1, entry, problems) {
                        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
                        row(Row { line: number + 1, key: key.trim_ascii(), value: value.trim_ascii() });
                    }
                }
            }
            Self::Text(form, text) => {
                for (number, line) in without_mark(text, problems).split(|byte| *byte == b'\n').enumerate() {
                    if let Some(found) = read_line(*form, number + 1, line, problems) {
                        row(found);
                    }
                }
            }
            Self::Rows(rows) => {
                for (number, (key, value)) in rows.iter().enumerate() {
                    let line = number + 1;
                    if let (Some(key), Some(value)) =
                        (clean(line, key.as_bytes(), problems), database_value(line, value, problems))
                    {
                        row(Row { line, key, value });
                    }
                }
            }
        }
        Ok(())
    }
}

fn database_value<'a>(line: usize, value: &'a str, problems: &mut Problems) -> Option<&'a str> {
    if value.trim_ascii().is_empty() { Some("") } else { clean(line, value.as_bytes(), problems) }
}

fn without_mark<'a>(text: &'a [u8], problems: &mut Problems) -> &'a [u8] {
    let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") else { return text };
    problems.push(1, ProblemKind::ByteOrderMark);
    rest
}

fn read_line<'a>(form: Form, number: usize, line: &'a [u8], problems: &mut Problems) -> Option<Row<'a>> {
    let line = match memchr::memchr(b'#', line) {
        Some(comment) => line.get(..comment).unwrap_or_default(),
        None => line,
    };
    let indented = line.first().is_some_and(|byte| is_blank(*byte));
    let text = clean(number, line, problems)?;
    if indented && form == Form::Refile {
        problems.push(number, ProblemKind::Indented);
        return None;
    }
    if text.ends_with('\\') {
        problems.push(number, ProblemKind::Continued);
    }
    let (key, value) = text.split_once(|c: char| c.is_ascii() && is_blank(c as u8)).unwrap_or((text, ""));
    Some(Row { line: number, key, value: value.trim_matches(|c: char| c.is_ascii() && is_blank(c as u8)) })
}

/// The entry without the blanks around it, if it can be read and is not empty.
fn clean<'a>(number: usize, line: &'a [u8], problems: &mut Problems) -> Option<&'a str> {
    if line.len() > MAX_LINE {
        problems.push(number, ProblemKind::TooLong);
        return None;
    }
    let blank = |byte: &u8| is_blank(*byte);
    let start = line.iter().position(|byte| !blank(byte))?;
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    let line = line.get(start..end)?;
    if let Some(control) = line.iter().find(|byte| byte.is_ascii_control() && !blank(byte)) {
        problems.push(number, ProblemKind::ControlCharacter(*control));
        return None;
    }
    let text = std::str::from_utf8(line);
    if text.is_err() {
        problems.push(number, ProblemKind::NotUtf8);
    }
    text.ok()
}

/// isspace(3).
fn is_blank(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}
