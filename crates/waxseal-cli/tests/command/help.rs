//! Help texts.

use crate::lab::{waxseal, words};

const VERBS: &[&str] = &[
    "check",
    #[cfg(feature = "explain")]
    "explain",
    "keygen",
    "key new",
    "key show",
    "key check",
    "key rotate",
    "sign",
    "verify",
    "dkim lint",
    "spf check",
    "spf lint",
    "spf flatten",
    "dmarc check",
    "dmarc lint",
    "authres parse",
    "audit",
    "bounce",
    "why",
];

/// Every example that a help text shows is a command line that the command accepts.
#[test]
fn help_has_examples_and_they_parse() {
    for verb in VERBS.iter().copied() {
        let help = waxseal(words(verb).into_iter().chain(["--help"]));
        assert_eq!((help.code, &*help.err), (Some(0), ""), "{verb}");
        let (_, examples) =
            help.out.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{verb}: {}", help.out));
        // A line that ends in a backslash goes on.
        let examples = examples.replace("\\\n", " ");
        let lines: Vec<_> = examples.lines().filter(|line| line.starts_with("  waxseal ")).collect();
        assert!(lines.len() >= 2, "{verb}: {examples}");
        for line in lines {
            let line =
                line.split(" #").next().unwrap().split(" >").next().unwrap().split(" &&").next().unwrap();
            let args = line.replace(" <message.eml", "");
            let args = shell_words(&args).into_iter().skip(1).chain(["--no-such-option".into()]);
            let done = waxseal(args);
            // All that is wrong with it is the option that does not exist.
            assert!(done.err.contains("unexpected argument '--no-such-option'"), "{line}: {}", done.err);
        }
    }
}

fn shell_words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate();
    let part = |(number, text): (usize, &str)| match number % 2 {
        1 => vec![text.to_owned()],
        _ => text.split_ascii_whitespace().map(Into::into).collect(),
    };
    quoted.flat_map(part).collect()
}

#[test]
fn lines_fit_into_a_terminal() {
    for verb in VERBS.iter().copied() {
        let help = waxseal(words(verb).into_iter().chain(["--help"])).out;
        let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 110, "{verb}: {widest}");
    }
}
