//! How an option of an old file is handled: all names are known, each with its handling.

use super::lines::Line;
use waxseal::dns::lint::nearest;

/// How an option is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// It has an effect.
    Acts,
    /// Not needed: it is done anyway or of no use here, and why.
    Needless(&'static str),
    /// It has no effect yet, and what is missing.
    Missing(&'static str),
    /// It is obsolete, and why.
    Obsolete(&'static str),
}

/// The options of a file by name.
pub(crate) type Options = &'static [(&'static str, Handling)];

/// The name of an option as listed, and how it is handled. An unknown name is an error that suggests the nearest one.
pub(crate) fn find(options: Options, line: &Line) -> Result<(&'static str, Handling), String> {
    let known = options.iter().find(|(name, _)| name.eq_ignore_ascii_case(&line.name));
    known.copied().ok_or_else(|| {
        let names: Vec<_> = options.iter().map(|(name, _)| *name).collect();
        let hint =
            nearest(&line.name, &names).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        format!("{}: unknown option{hint}", line.at())
    })
}

/// The warning for an option without effect.
pub(crate) fn warning(line: &Line, handling: Handling) -> Option<String> {
    match handling {
        Handling::Acts | Handling::Needless(_) => None,
        Handling::Missing(what) => Some(format!("{}: does not act yet: {what}", line.at())),
        Handling::Obsolete(why) => Some(format!("{}: skipped, {why}", line.at())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const OPTIONS: Options = &[
        ("KeyTable", Handling::Acts),
        ("SigningTable", Handling::Acts),
        ("ADSPAction", Handling::Obsolete("ADSP is historic")),
    ];

    fn line(text: &str) -> Line {
        super::super::lines::parse(Path::new("o.conf"), text).remove(0)
    }

    #[test]
    fn names_are_found_in_any_case_and_the_nearest_is_named() {
        assert_eq!(find(OPTIONS, &line("keytable x")), Ok(("KeyTable", Handling::Acts)));
        let error = find(OPTIONS, &line("SigingTabel x")).unwrap_err();
        assert_eq!(error, "o.conf:1: SigingTabel: unknown option; did you mean SigningTable?");
        assert_eq!(find(OPTIONS, &line("Zzz x")).unwrap_err(), "o.conf:1: Zzz: unknown option");
    }

    #[test]
    fn what_does_not_act_is_said() {
        let line = line("ADSPAction discard");
        let (_, handling) = find(OPTIONS, &line).unwrap();
        assert_eq!(warning(&line, handling).unwrap(), "o.conf:1: ADSPAction: skipped, ADSP is historic");
        assert_eq!(warning(&line, Handling::Needless("done anyway")), None);
    }
}
