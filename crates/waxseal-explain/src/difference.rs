//! Compares what was signed with what was received, line by line.

use waxseal::dkim::{Canonicalization, parts::canonical_body};

/// The most lines shown.
const MAX_ROWS: usize = 60;

/// The most lines compared, from the first that differs.
const MAX_LINES: usize = 200;

/// Bytes of them.
const MAX_BYTES: usize = 64 * 1024;

/// The most bytes shown of a line.
const MAX_LINE: usize = 320;

/// Equal bytes of a line that are shown in front of what differs.
const BEFORE: usize = 60;

/// Equal lines that are shown around those that differ.
const AROUND: usize = 1;

/// Canonical lines as signed and as received, side by side: at most 60, around the differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    rows: Vec<Row>,
    is_cut: bool,
}

/// A line as signed and as received, without its CRLF. A long line is cut, marked by `…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    signed: Option<Vec<u8>>,
    found: Option<Vec<u8>>,
    is_apart: bool,
}

impl Difference {
    /// The lines, from the first that differs.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether more lines differ, or may, than [`Difference::rows`] has.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Row {
    /// The line as signed; `None` for a line that was added.
    pub fn signed(&self) -> Option<&[u8]> {
        self.signed.as_deref()
    }

    /// The line as received; `None` for a line that was removed.
    pub fn found(&self) -> Option<&[u8]> {
        self.found.as_deref()
    }

    /// Whether the line was changed, added or removed.
    pub fn is_changed(&self) -> bool {
        self.signed != self.found
    }

    /// Whether equal lines between the row before and this one were left out.
    pub fn is_apart(&self) -> bool {
        self.is_apart
    }
}

/// Of two headers in canonical form.
pub(crate) fn of_headers(signed: &[u8], found: &[u8]) -> Difference {
    between(signed, found, <[u8]>::to_vec)
}

/// Of two bodies.
pub(crate) fn of_bodies(signed: &[u8], found: &[u8], canonicalization: Canonicalization) -> Difference {
    between(signed, found, |line| canonical_body(canonicalization, line))
}

fn between(signed: &[u8], found: &[u8], canonical: impl Fn(&[u8]) -> Vec<u8>) -> Difference {
    let start = common_start(signed, found);
    let (signed, found) = (signed.get(start..).unwrap_or_default(), found.get(start..).unwrap_or_default());
    let end = common_end(signed, found);
    let shown = |text: &[u8]| {
        let text = text.get(..text.len() - end).unwrap_or_default();
        let lines = text.get(..MAX_BYTES).unwrap_or(text).split_inclusive(|byte| *byte == b'\n');
        let lines: Vec<_> = lines.take(MAX_LINES).map(|line| without_end(canonical(line))).collect();
        let is_cut = text.len() > MAX_BYTES || memchr::memchr_iter(b'\n', text).count() > MAX_LINES;
        (lines, is_cut)
    };
    let ((signed, signed_cut), (found, found_cut)) = (shown(signed), shown(found));
    let mut difference = Difference { rows: pick(rows(&signed, &found)), is_cut: signed_cut || found_cut };
    if difference.rows.len() > MAX_ROWS {
        difference.rows.truncate(MAX_ROWS);
        difference.is_cut = true;
    }
    difference
}

/// Where the last equal lines before the first difference begin.
fn common_start(signed: &[u8], found: &[u8]) -> usize {
    let differs = signed.iter().zip(found).position(|(a, b)| a != b);
    let differs = differs.unwrap_or(signed.len().min(found.len()));
    let front = signed.get(..differs).unwrap_or_default();
    let start = memchr::memrchr_iter(b'\n', front).nth(AROUND);
    start.map_or(0, |lf| lf + 1)
}

/// The length of the lines at the end that are equal, but for the first of them.
fn common_end(signed: &[u8], found: &[u8]) -> usize {
    let equal = signed.iter().rev().zip(found.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = signed.get(signed.len() - equal..).unwrap_or_default();
    let end = memchr::memchr_iter(b'\n', tail).nth(AROUND);
    end.map_or(0, |lf| tail.len() - lf - 1)
}

/// A line feed alone stays, to be seen.
fn without_end(mut line: Vec<u8>) -> Vec<u8> {
    if line.ends_with(b"\r\n") {
        line.truncate(line.len() - 2);
    }
    line
}

/// Lines beside each other: the longest common sequence, and between its lines those that were changed.
fn rows(signed: &[Vec<u8>], found: &[Vec<u8>]) -> Vec<Row> {
    let width = found.len() + 1;
    let mut common = vec![0_u16; (signed.len() + 1) * width];
    let at = |common: &[u16], i: usize, j: usize| common.get(i * width + j).copied().unwrap_or(0);
    for (i, one) in signed.iter().enumerate().rev() {
        for (j, other) in found.iter().enumerate().rev() {
            let length = match one == other {
                true => at(&common, i + 1, j + 1) + 1,
                false => at(&common, i + 1, j).max(at(&common, i, j + 1)),
            };
            if let Some(slot) = common.get_mut(i * width + j) {
                *slot = length;
            }
        }
    }
    let (mut i, mut j, mut rows) = (0, 0, Rows::default());
    loop {
        match (signed.get(i), found.get(j)) {
            (None, None) => return rows.finish(),
            (Some(one), Some(other)) if one == other => {
                rows.equal(one);
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other) if other.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) => {
                rows.signed.push(one);
                i += 1;
            }
            (_, Some(other)) => {
                rows.found.push(other);
                j += 1;
            }
            (Some(_), None) => return rows.finish(),
        }
    }
}

/// What was removed and what was added since the last equal line stand beside each other.
#[derive(Default)]
struct Rows<'l> {
    signed: Vec<&'l [u8]>,
    found: Vec<&'l [u8]>,
    done: Vec<Row>,
}

impl<'l> Rows<'l> {
    fn equal(&mut self, line: &'l [u8]) {
        self.flush();
        let line = Some(cut(line, 0));
        self.done.push(Row { signed: line.clone(), found: line, is_apart: false });
    }

    fn flush(&mut self) {
        for number in 0..self.signed.len().max(self.found.len()) {
            let (signed, found) = (self.signed.get(number), self.found.get(number));
            let from = match (signed, found) {
                (Some(signed), Some(found)) => {
                    signed.iter().zip(found.iter()).take_while(|(a, b)| a == b).count()
                }
                _ => 0,
            };
            let shown = |line: Option<&&[u8]>| line.map(|line| cut(line, from.saturating_sub(BEFORE)));
            self.done.push(Row { signed: shown(signed), found: shown(found), is_apart: false });
        }
        self.signed.clear();
        self.found.clear();
    }

    fn finish(mut self) -> Vec<Row> {
        self.flush();
        self.done
    }
}

/// What differs, with a few equal lines around it.
fn pick(rows: Vec<Row>) -> Vec<Row> {
    let changed: Vec<bool> = rows.iter().map(Row::is_changed).collect();
    let is_near = |number: usize| {
        let around = number.saturating_sub(AROUND)..(number + AROUND + 1).min(changed.len());
        changed.get(around).is_some_and(|near| near.contains(&true))
    };
    let (mut picked, mut is_apart) = (Vec::new(), false);
    for (number, row) in rows.into_iter().enumerate() {
        if is_near(number) {
            picked.push(Row { is_apart, ..row });
            is_apart = false;
        } else {
            is_apart = !picked.is_empty();
        }
    }
    picked
}

/// What begins about there, not within a letter of UTF-8.
fn cut(line: &[u8], from: usize) -> Vec<u8> {
    let is_boundary = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let at_letter = |at: usize| (at.saturating_sub(3)..=at).rev().find(is_boundary).unwrap_or(at);
    let from = at_letter(from.min(line.len()));
    let end = at_letter(line.len().min(from + MAX_LINE));
    let mut shown = Vec::with_capacity(end - from + 6);
    if from > 0 {
        shown.extend_from_slice("…".as_bytes());
    }
    shown.extend_from_slice(line.get(from..end).unwrap_or_default());
    if end < line.len() {
        shown.extend_from_slice("…".as_bytes());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(difference: &Difference) -> Vec<String> {
        let text = |line: Option<&[u8]>| line.map(|line| String::from_utf8_lossy(line).into_owned());
        let told = |row: &Row| {
            let apart = if row.is_apart() { "~" } else { "" };
            match (text(row.signed()), text(row.found())) {
                (Some(signed), Some(found)) if row.is_changed() => format!("{apart}{signed}|{found}"),
                (Some(signed), Some(_)) => format!("{apart}={signed}"),
                (Some(signed), None) => format!("{apart}-{signed}"),
                (_, found) => format!("{apart}+{}", found.unwrap_or_default()),
            }
        };
        difference.rows().iter().map(told).collect()
    }

    fn simple(signed: &str, found: &str) -> Difference {
        of_bodies(signed.as_bytes(), found.as_bytes(), Canonicalization::Simple)
    }

    #[test]
    fn lines_stand_beside_each_other() {
        let signed = "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n";
        let found = "1\r\n2\r\n3\r\nfour\r\n5\r\n6\r\n7\r\n8\r\nnew\r\n9\r\n";
        assert_eq!(told(&simple(signed, found)), ["=3", "4|four", "=5", "~=8", "+new", "=9"]);
        assert_eq!(told(&simple("a\r\nb\r\nc\r\n", "a\r\nc\r\n")), ["=a", "-b", "=c"]);
        assert_eq!(told(&simple("a\r\n", "a\r\nfoot\r\n")), ["=a", "+foot"]);
        assert!(simple("a\r\n", "a\r\n").rows().is_empty());
    }

    #[test]
    fn what_canonicalization_ignores_is_no_difference() {
        let relaxed = of_bodies(b"a  b \r\nc\r\n", b"a b\r\nd\r\n", Canonicalization::Relaxed);
        assert_eq!(told(&relaxed), ["=a b", "c|d"]);
        assert_eq!(told(&simple("a\r\nb\r\n", "a\nb\n")), ["a|a\n", "b|b\n"]);
    }

    #[test]
    fn it_is_short_whatever_came() {
        let line = |number: usize| format!("{number} {}\r\n", "é".repeat(1_000));
        let (signed, found) = ((0..5_000).map(line).collect::<String>(), (5_000..9_000).map(line).collect());
        let difference: Difference = simple(&signed, &String::clone(&found));
        assert!(difference.is_cut());
        assert!(difference.rows().len() <= MAX_ROWS);
        let longest = difference.rows().iter().filter_map(Row::signed).map(<[u8]>::len).max().unwrap();
        assert!((MAX_LINE..MAX_LINE + 8).contains(&longest), "{longest}");
        assert!(std::str::from_utf8(difference.rows()[0].signed().unwrap()).is_ok());
    }

    #[test]
    fn a_long_line_is_shown_where_it_differs() {
        let (front, back) = ("x".repeat(900), "y".repeat(900));
        let told = told(&simple(&format!("{front}1{back}\r\n"), &format!("{front}2{back}\r\n")));
        let (signed, found) = told[0].split_once('|').unwrap();
        assert!(
            signed.starts_with(&format!("…{}1y", "x".repeat(BEFORE))) && signed.ends_with("y…"),
            "{signed}"
        );
        assert!(found.starts_with(&format!("…{}2y", "x".repeat(BEFORE))), "{found}");
    }
}
