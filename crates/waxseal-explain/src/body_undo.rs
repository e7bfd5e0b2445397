//! Undoes changes of a body.

mod encoding;
mod lines;
mod links;
mod list;

use crate::{diagnosis::Kind, mime::Content};

/// A way to undo a change. `None` if there is no sign of it.
pub(crate) struct BodyUndo {
    pub(crate) kind: Kind,
    pub(crate) apply: fn(&Content, &[u8]) -> Option<Vec<u8>>,
    /// It only changes what relaxed canonicalization ignores.
    pub(crate) is_simple_only: bool,
}

const fn undo(kind: Kind, apply: fn(&Content, &[u8]) -> Option<Vec<u8>>) -> BodyUndo {
    BodyUndo { kind, apply, is_simple_only: false }
}

const fn simple(kind: Kind, apply: fn(&Content, &[u8]) -> Option<Vec<u8>>) -> BodyUndo {
    BodyUndo { kind, apply, is_simple_only: true }
}

/// The most frequent first, since only a limited number is tried.
pub(crate) const UNDOS: &[BodyUndo] = &[
    undo(Kind::LineEnds, lines::with_crlf),
    undo(Kind::ByteOrderMark, lines::without_mark),
    undo(Kind::QuotedPrintable, |content, body| {
        encoding::decoded(content, body, b"quoted-printable", b"8bit", false)
    }),
    undo(Kind::Base64, |content, body| encoding::decoded(content, body, b"base64", b"8bit", false)),
    undo(Kind::LongLine, lines::joined),
    undo(Kind::LongLine, lines::joined_at_line_end),
    undo(Kind::DotDoubled, lines::with_single_dots),
    undo(Kind::DotLost, lines::with_more_dots),
    undo(Kind::QuotedFrom, lines::without_quoted_from),
    undo(Kind::LinksRewritten, links::original),
    undo(Kind::ListFooter, list::without_last_part),
    undo(Kind::ListFooter, list::first_part),
    undo(Kind::ListFooter, list::without_footer_in_part),
    undo(Kind::EncodedBlank, lines::with_decoded_blanks),
    undo(Kind::EncodedBlank, lines::with_encoded_blanks),
    simple(Kind::TrailingBlanks, lines::without_trailing_blanks),
    simple(Kind::TrailingBlanks, lines::with_signature_blank),
    undo(Kind::EmptyLines, lines::without_leading_line),
    undo(Kind::EmptyLines, lines::single_spaced),
    undo(Kind::Charset, |content, body| encoding::transcoded(content, body, "iso-2022-jp")),
    undo(Kind::Charset, |content, body| encoding::transcoded(content, body, "iso-8859-1")),
    undo(Kind::Charset, |content, body| encoding::transcoded(content, body, "utf-8")),
    undo(Kind::Charset, |content, body| encoding::transcoded(content, body, "shift_jis")),
    undo(Kind::Charset, |content, body| encoding::transcoded(content, body, "euc-jp")),
    undo(Kind::PrependedText, list::without_banner),
    undo(Kind::QuotedPrintable, |content, body| {
        encoding::decoded(content, body, b"quoted-printable", b"8BIT", false)
    }),
    undo(Kind::Base64, |content, body| encoding::decoded(content, body, b"base64", b"8BIT", false)),
    undo(Kind::QuotedPrintable, |content, body| {
        encoding::decoded(content, body, b"quoted-printable", b"8bit", true)
    }),
    undo(Kind::Base64, |content, body| encoding::decoded(content, body, b"base64", b"8bit", true)),
    undo(Kind::EmptyLines, lines::with_leading_line),
    undo(Kind::LineEnds, lines::with_lf),
    undo(Kind::ByteOrderMark, lines::with_mark),
];

pub(crate) use lines::with_one_dot_more;
pub(crate) use list::is_footer;
