//! Options as the old tools read them: getopt(3), and long ones that may be cut short.

/// An option that may be spelled out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Long {
    pub(super) name: &'static str,
    pub(super) short: char,
}

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Given {
    options: Vec<(char, String)>,
    pub(super) rest: Vec<String>,
}

impl Given {
    /// `spec` is that of getopt(3): letters, with a colon behind those that take a value.
    ///
    /// # Errors
    /// The message of getopt(3) for the first option that is unknown or lacks its value.
    pub(super) fn parse(args: &[String], spec: &str, longs: &[Long]) -> Result<Self, String> {
        let mut given = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                given.rest.extend(args.cloned());
                break;
            } else if let Some(long) = arg.strip_prefix("--") {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
                let short = find(longs, name).ok_or_else(|| format!("unrecognized option '--{name}'"))?;
                given.push(short, spec, value, || args.next().cloned())?;
            } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                given.letters(letters, spec, || args.next().cloned())?;
            } else {
                given.rest.push(arg.clone());
            }
        }
        Ok(given)
    }

    /// The last value of an option.
    pub(super) fn value(&self, option: char) -> Option<&str> {
        self.options.iter().rev().find(|(found, _)| *found == option).map(|(_, value)| value.as_str())
    }

    /// How often an option was given.
    pub(super) fn count(&self, option: char) -> usize {
        self.options.iter().filter(|(found, _)| *found == option).count()
    }

    pub(super) fn has(&self, option: char) -> bool {
        self.count(option) > 0
    }

    /// Some letters in one word; what follows the letter of an option with a value is the value.
    fn letters(
        &mut self,
        letters: &str,
        spec: &str,
        next: impl FnMut() -> Option<String>,
    ) -> Result<(), String> {
        let mut next = next;
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            let value = match takes_value(spec, letter) {
                None => return Err(format!("invalid option -- '{letter}'")),
                Some(true) if !letters.as_str().is_empty() => Some(letters.by_ref().collect()),
                Some(_) => None,
            };
            self.push(letter, spec, value, &mut next)?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        option: char,
        spec: &str,
        value: Option<String>,
        next: impl FnOnce() -> Option<String>,
    ) -> Result<(), String> {
        let value = match (takes_value(spec, option), value) {
            (Some(true), value) => {
                value.or_else(next).ok_or_else(|| format!("option requires an argument -- '{option}'"))?
            }
            _ => String::new(),
        };
        self.options.push((option, value));
        Ok(())
    }
}

fn takes_value(spec: &str, option: char) -> Option<bool> {
    let rest = spec.split_once(option).filter(|_| option != ':')?.1;
    Some(rest.starts_with(':'))
}

/// A whole name, or the start of one alone.
fn find(longs: &[Long], name: &str) -> Option<char> {
    if let Some(whole) = longs.iter().find(|long| long.name == name) {
        return Some(whole.short);
    }
    let mut found = longs.iter().filter(|long| long.name.starts_with(name));
    let first = found.next()?;
    found.all(|other| other.short == first.short).then_some(first.short)
}
