//! waxseal's own part: the library as verifier.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use waxseal_dkim::Verifier;
use waxseal_dns::Zone;

use crate::lab::Lab;
use crate::peers::Words;

/// Verifies the files with the library's default policy. The zone is the text that NSD serves.
pub(crate) fn verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let zone = Zone::from_zone_file(&lab.zone_text(), None).unwrap();
    let verifier = Verifier::default();
    let words = |file: &PathBuf| {
        let message = fs::read(file).unwrap();
        let verdicts = verifier.verify_blocking(&message, SystemTime::now(), &zone);
        verdicts.iter().map(|verdict| verdict.word().to_string()).collect()
    };
    Some(files.iter().map(words).collect())
}
