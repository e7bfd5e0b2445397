//! What a check found.

use crate::daemon::DaemonError;

/// What was found, worst first.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Findings {
    /// Prints the warnings, and returns the errors.
    pub(super) fn print(self) -> Result<(), DaemonError> {
        for warning in self.warnings.iter().filter(|text| !self.errors.contains(*text)) {
            eprintln!("waxseald: warning: {warning}");
        }
        if self.errors.is_empty() {
            println!("waxseald: no errors found");
            return Ok(());
        }
        Err(DaemonError::Settings(self.errors.join("\n")))
    }
}
