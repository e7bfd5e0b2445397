//! An explanation as a page of text.

use crate::{Difference, ExplainedSignature, Explanation, explanation::Hashes};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::fmt::{Result, Write};

pub(crate) fn explain(explanation: &Explanation) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = write(explanation, &mut out);
    out
}

fn write(explanation: &Explanation, out: &mut String) -> Result {
    let report = explanation.report();
    if report.envelope().ip().is_some() {
        out.push_str(&report.spf().explain());
    }
    if let Some(chain) = report.arc().filter(|chain| !chain.sets().is_empty()) {
        out.push_str(&chain.explain());
    }
    out.push_str(&report.explain());
    for field in explanation.unchecked_fields() {
        writeln!(out, "{field} is present, but DKIM2 is not checked")?;
    }
    for signature in explanation.signatures() {
        write_signature(signature, out)?;
    }
    for (number, attached) in (1..).zip(explanation.attached()) {
        writeln!(out, "\nattached message {number}:")?;
        write(attached, out)?;
    }
    Ok(())
}

fn write_signature(signature: &ExplainedSignature, out: &mut String) -> Result {
    writeln!(out, "\n{signature}")?;
    if signature.is_pass() {
        return Ok(());
    }
    write_hashes("header", signature.header_hash(), out)?;
    write_hashes("body", signature.body_hash(), out)?;
    if signature.is_made_by_key() == Some(false) {
        writeln!(out, "  the published key did not make b=: another key did, or b= was changed")?;
    }
    let mut diagnoses = signature.diagnoses().iter().peekable();
    while let Some(diagnosis) = diagnoses.next() {
        writeln!(out, "  {diagnosis}")?;
        // Once for several diagnoses with the same advice.
        if diagnoses.peek().is_none_or(|next| next.advice() != diagnosis.advice()) {
            writeln!(out, "    {}", diagnosis.advice())?;
        }
    }
    write_difference("header", signature.header_difference(), out)?;
    write_difference("body", signature.body_difference(), out)?;
    for note in signature.notes() {
        writeln!(out, "  {note}")?;
    }
    let Some(advice) = signature.advice() else { return Ok(()) };
    if let Some(parsed) = signature.signature().filter(|_| !signature.is_changed()) {
        writeln!(out, "  the key record is at {}", parsed.key_name())?;
    }
    if signature.is_changed() {
        writeln!(out, "  none of the usual changes explains it")?;
    }
    writeln!(out, "    {advice}")
}

fn write_hashes(what: &str, hashes: &Hashes, out: &mut String) -> Result {
    if hashes.found().is_empty() {
        return Ok(());
    }
    let found = BASE64_STANDARD.encode(hashes.found());
    match hashes.expected() {
        Some(_) if hashes.fits() => writeln!(out, "  {what} is intact"),
        Some(expected) => {
            writeln!(out, "  {what} hash: signed {}, found {found}", BASE64_STANDARD.encode(expected))
        }
        // The cause contains it where it matters.
        None => Ok(()),
    }
}

/// Rows of a difference that are printed.
const MAX_ROWS: usize = 8;

/// What shows that a line was cut, in ASCII.
const CUT: &str = "\\xe2\\x80\\xa6";

fn write_difference(what: &str, difference: Option<&Difference>, out: &mut String) -> Result {
    let Some(difference) = difference else { return Ok(()) };
    let changed = difference.rows().iter().filter(|row| row.is_changed());
    writeln!(out, "  {what}, - as signed, + as received:")?;
    for row in changed.clone().take(MAX_ROWS) {
        for (mark, line) in [("-", row.signed()), ("+", row.found())] {
            let Some(line) = line else { continue };
            let line = line.escape_ascii().to_string().replace(CUT, "...");
            writeln!(out, "    {mark} {line}")?;
        }
    }
    let more = changed.count() > MAX_ROWS || difference.is_cut();
    if more { writeln!(out, "    and more lines") } else { Ok(()) }
}
