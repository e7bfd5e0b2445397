//! Pages for people: one file each, that loads nothing and runs nothing.

use crate::{exit::Failure, new_file};
use std::{io::Write, path::Path};

const STYLE: &str = include_str!("html/style.css");
const SEAL: &str = include_str!("html/seal.svg");

/// Nothing further is listed on a page that is longer.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Characters of one text.
const MAX_TEXT: usize = 2_000;

/// A page that is being written. Markup is written in this program alone, as the type of [`Html::markup`] says; all other
/// text goes through [`Html::text`], which escapes it.
pub(crate) struct Html {
    out: String,
    is_cut: bool,
}

impl Html {
    /// The beginning of a page. Its content security policy makes browsers load and run nothing, whatever it contains.
    pub(crate) fn new(title: &str) -> Self {
        let mut html = Self { out: String::new(), is_cut: false };
        html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; ")
            .markup("base-uri 'none'; form-action 'none'\">\n")
            .markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .markup("<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
        html.element("<title>", title, "</title>\n");
        html.markup("<style>\n").markup(STYLE).markup("</style>\n</head>\n<body>\n<main>\n");
        html
    }

    /// Text of this program.
    pub(crate) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// The sign of the command, beside a heading.
    pub(crate) fn seal(&mut self) -> &mut Self {
        self.markup(SEAL)
    }

    /// Any text. Characters that are invisible or change the direction of text are shown by their code point.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let mut rest = text.chars();
        for c in rest.by_ref().take(MAX_TEXT) {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                c if is_hidden(c) => self.out.push_str(&format!("<i>U+{:04X}</i>", u32::from(c))),
                c => self.out.push(c),
            }
        }
        if rest.next().is_some() {
            self.out.push('…');
        }
        self
    }

    /// The start of a stranger's text: a name or a date, which is short in honest mail.
    #[cfg(feature = "explain")]
    pub(crate) fn name(&mut self, text: &[u8]) -> &mut Self {
        const MAX_NAME: usize = 120;
        match text.get(..MAX_NAME) {
            Some(start) if start.len() < text.len() => self.foreign(start).markup("…"),
            _ => self.foreign(text),
        }
    }

    /// Text of a stranger. Letters that are written from right to left do not move what stands beside it.
    pub(crate) fn foreign(&mut self, text: &[u8]) -> &mut Self {
        let text = text.get(..4 * MAX_TEXT).unwrap_or(text);
        self.markup("<bdi>").text(&String::from_utf8_lossy(text)).markup("</bdi>")
    }

    /// Text between markup.
    pub(crate) fn element(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.markup(open).text(text).markup(close)
    }

    /// A result word in the colour of its meaning.
    pub(crate) fn word(&mut self, word: &str) -> &mut Self {
        let open = match word {
            "pass" | "ok" | "deliver" => "<span class=\"word good\">",
            "fail" | "permerror" | "reject" => "<span class=\"word bad\">",
            _ => "<span class=\"word odd\">",
        };
        self.element(open, word, "</span>")
    }

    /// Whether no more may be listed.
    pub(crate) fn is_full(&mut self) -> bool {
        self.is_cut |= self.out.len() >= MAX_BYTES;
        self.is_cut
    }

    /// The whole page.
    pub(crate) fn finish(mut self) -> String {
        if self.is_cut {
            self.markup("<p class=\"note\">The page is at its limit of 2 MiB: the rest was left out. --json has all of it.</p>\n");
        }
        self.markup("</main>\n<footer>").text(concat!("waxseal ", env!("CARGO_PKG_VERSION")));
        self.markup(
            ". This page is complete: it loads nothing and runs nothing.</footer>\n</body>\n</html>\n",
        );
        self.out
    }
}

/// Controls, marks of direction, and what has no width.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Writes a page into a new file, or with `-` to standard output.
pub(crate) fn write(path: &Path, page: &str) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return std::io::stdout().lock().write_all(page.as_bytes()).map_err(Failure::output);
    }
    new_file::write(path, page, "--html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut html = Html { out: String::new(), is_cut: false };
        html.text(text);
        html.out
    }

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(written("<a href='x' b=\"&\">"), "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;");
        assert_eq!(
            written("a\u{202e}b\0\u{200b}\u{1b}"),
            "a<i>U+202E</i>b<i>U+0000</i><i>U+200B</i><i>U+001B</i>"
        );
        assert_eq!(written("grüß 日本"), "grüß 日本");
        let long = written(&"&".repeat(10_000));
        assert_eq!(long, "&amp;".repeat(MAX_TEXT) + "…");
    }

    #[test]
    fn a_page_ends() {
        let mut html = Html::new("<title>");
        let mut rows = 0;
        while !html.is_full() {
            html.foreign(&[b'<'; 100_000]);
            rows += 1;
        }
        let page = html.finish();
        assert!(rows > 10 && page.len() < MAX_BYTES + 50_000, "{rows} {}", page.len());
        assert!(page.contains("at its limit") && page.ends_with("</html>\n"));
        assert!(page.contains("<title>&lt;title&gt;</title>"));
    }
}
