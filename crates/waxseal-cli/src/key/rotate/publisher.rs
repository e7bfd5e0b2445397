//! How records get into DNS: by update, or by hand.

use super::{
    report::{Publish, Report},
    update::{Before, UpdateArgs, Updater},
};
use crate::{exit::Failure, txt};
use std::time::SystemTime;
use waxseal::dns::DomainName;

pub(super) struct Publisher {
    updater: Option<Updater>,
}

impl Publisher {
    pub(super) fn new(args: &UpdateArgs) -> Result<Self, Failure> {
        Ok(Self { updater: Updater::new(args)? })
    }

    /// Sends the record, or has it printed.
    pub(super) fn publish(
        &self,
        name: &DomainName,
        record: &str,
        before: Before,
        now: SystemTime,
        report: &mut Report,
    ) -> Result<(), Failure> {
        if let Some(updater) = &self.updater {
            updater.send(name, record, before, now)?;
            report.done.push(format!("sent the record of {name} to the name server"));
            return Ok(());
        }
        let quoted = txt::all_quoted(&txt::strings(record).collect::<Vec<_>>());
        report.publish.push(Publish { name: name.to_string(), record: record.to_owned(), quoted });
        Ok(())
    }

    pub(super) fn sends(&self) -> bool {
        self.updater.is_some()
    }
}
