//! The form that opendkim.conf, opendmarc.conf and openarc.conf share: a name and a value on each line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A line that sets something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) file: PathBuf,
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Line {
    /// The line, as messages name it.
    pub(crate) fn at(&self) -> String {
        format!("{}:{}: {}", self.file.display(), self.number, self.name)
    }
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinesError {
    #[error("{}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}:{number}: Include within more than {MAX_DEPTH} files", path.display())]
    Depth { path: PathBuf, number: usize },
    #[error("{}: more than {MAX_BYTES} bytes", path.display())]
    Size { path: PathBuf },
}

/// Files within files.
const MAX_DEPTH: usize = 5;
/// A file of settings is far smaller.
const MAX_BYTES: usize = 4 << 20;

/// Reads a file and those that it includes.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>, LinesError> {
    let mut lines = Vec::new();
    read_into(path, MAX_DEPTH, &mut lines)?;
    Ok(lines)
}

fn read_into(path: &Path, depth: usize, lines: &mut Vec<Line>) -> Result<(), LinesError> {
    for line in parse(path, &text(path)?) {
        if !line.name.eq_ignore_ascii_case("Include") {
            lines.push(line);
        } else if depth == 0 {
            return Err(LinesError::Depth { path: path.into(), number: line.number });
        } else {
            read_into(Path::new(&line.value), depth - 1, lines)?;
        }
    }
    Ok(())
}

/// The text of a file, if it is not too long.
pub(crate) fn text(path: &Path) -> Result<String, LinesError> {
    let text = fs::read(path).map_err(|error| LinesError::Read { path: path.into(), error })?;
    if text.len() > MAX_BYTES {
        return Err(LinesError::Size { path: path.into() });
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The lines of a text; `#` starts a comment anywhere.
pub(crate) fn parse(path: &Path, text: &str) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        lines.push(Line {
            file: path.into(),
            number: index + 1,
            name: name.to_owned(),
            value: value.trim().to_owned(),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blanks_and_line_ends_are_no_part_of_a_value() {
        let text = "\u{feff}Mode\tsv   # both\r\n\n# all\n  Umask 002\nSyslog\nDomain a.example, b.example\n";
        let lines = parse(Path::new("o.conf"), text);
        let read: Vec<_> =
            lines.iter().map(|line| (line.number, line.name.as_str(), line.value.as_str())).collect();
        assert_eq!(
            read,
            [
                (1, "Mode", "sv"),
                (4, "Umask", "002"),
                (5, "Syslog", ""),
                (6, "Domain", "a.example, b.example")
            ]
        );
        assert_eq!(lines[0].at(), "o.conf:1: Mode");
    }

    #[test]
    fn included_files_stand_where_they_are_named_and_do_not_go_round() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("more"), "Selector s\n").unwrap();
        fs::write(path("main"), format!("Mode s\nInclude {}\nUMask 2\n", path("more").display())).unwrap();
        let names: Vec<_> = read(&path("main")).unwrap().into_iter().map(|line| line.name).collect();
        assert_eq!(names, ["Mode", "Selector", "UMask"]);
        fs::write(path("round"), format!("Include {}\n", path("round").display())).unwrap();
        assert!(read(&path("round")).unwrap_err().to_string().contains("more than 5 files"));
    }
}
