//! One call: every step that can be taken now.

use super::{
    Rotate,
    keys::{Key, Keys, fingerprint},
    publisher::Publisher,
    report::Report,
    servers::{Wanted, look, wait_for},
    switch::Target,
    update::Before,
};
use crate::{
    date::Date,
    exit::{Exit, Failure, chain},
    key_name,
    key_record_text::KeyRecordText,
    keygen::Files,
    terminal, whole_file,
};
use std::time::{Duration, SystemTime};
use waxseal::{
    crypto::{PrivateKey, rust_crypto},
    dkim::{KeyRecord, Selector},
    dns::DomainName,
};
use waxseal_tables::{KeyState, Lifecycle};

/// RFC 6376 §3.6.1: "An empty value means that this public key has been revoked."
const REVOKED: &str = "v=DKIM1; p=";
/// Keys of one day.
const LETTERS: &str = "bcdefghijklmnopqrstuvwxyz";

pub(super) struct Turn<'t> {
    args: &'t Rotate,
    target: &'t Target,
    publisher: Publisher,
    pub(super) keys: Keys,
    pub(super) report: Report,
    now: SystemTime,
}

impl<'t> Turn<'t> {
    pub(super) fn new(
        args: &'t Rotate,
        target: &'t Target,
        keys: Keys,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        whole_file::check_writable(&keys.folder).map_err(|error| {
            let folder = keys.folder.display();
            Failure::new(format!(
                "cannot write to {folder}: {error}: the keys and their states are kept there; make it writable for the user that runs this"
            ))
        })?;
        if let Some(key) = keys.active().filter(|key| key.life.state() > KeyState::Active) {
            let (path, state) = (key.path.display(), key.life.state());
            return Err(Failure::new(format!(
                "{path} signs, but is {state} by {}: sign with another key, or correct that file",
                Lifecycle::path(&path.to_string())
            )));
        }
        let publisher = Publisher::new(&args.update)?;
        Ok(Self { args, target, publisher, keys, report: Report::default(), now })
    }

    pub(super) fn run(&mut self) -> Result<Exit, Failure> {
        if let Some(number) = self.keys.switched() {
            self.settle(number)?;
        }
        let mut exit = Exit::Pass;
        for number in self.keys.retired() {
            exit = exit.and(self.revoke(number)?);
        }
        let candidate = match self.keys.candidate() {
            Some(number) => Some(number),
            None => self.make()?,
        };
        let Some(number) = candidate else { return Ok(exit) };
        if self.is(number, KeyState::Pending) {
            exit = exit.and(self.publish(number)?);
        }
        if self.is(number, KeyState::Published) {
            exit = exit.and(self.switch(number)?);
        }
        Ok(exit)
    }

    fn is(&self, number: usize, state: KeyState) -> bool {
        self.keys.get(number).is_some_and(|key| key.life.state() == state)
    }

    /// A new key, when it is time and its name is free.
    fn make(&mut self) -> Result<Option<usize>, Failure> {
        let since = self.keys.active().and_then(Key::since);
        let due = since.and_then(|since| since.checked_add(self.args.every));
        if let Some(due) = due.filter(|due| *due > self.now && !self.args.force) {
            self.report.next.push(format!("a new key on {} (--force makes one now)", Date::of(due)));
            return Ok(None);
        }
        let Some(selector) = self.new_selector()? else { return Ok(None) };
        let spec = self.args.algorithm.spec(self.args.bits)?;
        let made = PrivateKey::generate(spec, rust_crypto::PROVIDER);
        let private = made.map_err(|error| Failure::because("cannot make the key", &error))?;
        let record = KeyRecord::new(private.public_key().clone());
        let record = KeyRecordText::new(&record, &selector, &self.args.domain);
        let life = Lifecycle::new(KeyState::Pending, self.now)
            .with_fingerprint(&fingerprint(private.public_key()))
            .with_name(&selector.to_string(), self.args.domain.as_str());
        let number = self.keys.add(&private, &selector, &self.files(&selector)?, &record.bind(), life)?;
        self.report.done.push(format!("made the key {selector}"));
        Ok(Some(number))
    }

    /// A name that no key has; of two that take turns the one whose key is gone.
    fn new_selector(&mut self) -> Result<Option<Selector>, Failure> {
        let selector = match (&self.args.selector, self.args.cname.as_slice()) {
            (Some(selector), _) => selector.clone(),
            (None, []) => return self.dated_selector().map(Some),
            (None, aliases) => {
                let active = self.keys.active().map(|key| key.selector.clone());
                let free = aliases.iter().find(|alias| Some(&alias.selector) != active.as_ref());
                free.ok_or_else(|| Failure::new("the two names of --cname are the same"))?.selector.clone()
            }
        };
        let in_use = |key: &&Key| key.selector == selector && key.life.state() != KeyState::Revoked;
        if let Some(key) = self.keys.iter().find(in_use) {
            let until = key.since().and_then(|since| since.checked_add(self.args.retire)).map(Date::of);
            let until = until.map(|date| format!(" until {date}")).unwrap_or_default();
            let state = key.life.state();
            self.report.next.push(format!(
                "a new key as {selector}, whose last one is {state} and keeps the name{until}"
            ));
            return Ok(None);
        }
        Ok(Some(selector))
    }

    fn dated_selector(&self) -> Result<Selector, Failure> {
        let name = self.free_name(Date::of(self.now).compact())?;
        key_name::selector(&name).map_err(Failure::new)
    }

    /// The name, or else the name with a letter behind it, that no key and no file has.
    fn free_name(&self, name: String) -> Result<String, Failure> {
        let mut names =
            std::iter::once(name.clone()).chain(LETTERS.chars().map(|letter| format!("{name}{letter}")));
        let is_free = |name: &String| {
            let known = self.keys.iter().any(|key| key.selector.as_str() == *name);
            !known && !self.keys.folder.join(format!("{name}.private")).exists()
        };
        names.find(is_free).ok_or_else(|| Failure::new("no name is left for today: give --selector"))
    }

    /// Names that take turns have several files.
    fn files(&self, selector: &Selector) -> Result<Files, Failure> {
        let stem = match self.args.alias(selector) {
            Some(_) => self.free_name(format!("{selector}-{}", Date::of(self.now).compact()))?,
            None => selector.to_string(),
        };
        let file = |extension| self.keys.folder.join(format!("{stem}.{extension}"));
        Ok(Files { key: file("private"), record: file("txt") })
    }

    /// Where the record of a key is put.
    fn place(&self, selector: &Selector) -> Result<DomainName, Failure> {
        if let Some(alias) = self.args.alias(selector) {
            return Ok(alias.target.clone());
        }
        self.name(selector)
    }

    fn name(&self, selector: &Selector) -> Result<DomainName, Failure> {
        let name = selector.key_name(&self.args.domain);
        name.map_err(|error| {
            Failure::new(format!("{selector}._domainkey.{}: {}", self.args.domain, chain(&error)))
        })
    }

    /// Publishes the record, if DNS does not show it yet.
    fn publish(&mut self, number: usize) -> Result<Exit, Failure> {
        let Some(key) = self.keys.get(number).cloned() else { return Ok(Exit::Pass) };
        let place = self.place(&key.selector)?;
        let wanted = Wanted::Key(&key.public);
        // If one server shows it, it was sent already.
        if look(&self.args.dns, &place, wanted)?.nowhere() {
            let record = KeyRecord::new(key.public.clone()).to_string();
            let before =
                if self.args.alias(&key.selector).is_some() { Before::Ours } else { Before::Nothing };
            self.publisher.publish(&place, &record, before, self.now, &mut self.report)?;
        }
        if !self.wait(&place, wanted, &format!("the key {}", key.selector))? {
            return Ok(Exit::Temporary);
        }
        let name = self.name(&key.selector)?;
        if place != name
            && !self.wait(
                &name,
                wanted,
                &format!("the key {} by the alias {name} CNAME {place}", key.selector),
            )?
        {
            return Ok(Exit::Temporary);
        }
        self.keys.advance(number, KeyState::Published, self.now)?;
        self.report.done.push(format!("DNS shows the key {}", key.selector));
        Ok(Exit::Pass)
    }

    /// Whether DNS shows it; if not, the report says what is missing.
    fn wait(&mut self, name: &DomainName, wanted: Wanted<'_>, what: &str) -> Result<bool, Failure> {
        let wait = Duration::from_secs(self.args.wait);
        let seen = wait_for(&self.args.dns, name, wanted, wait)?;
        if seen.everywhere() {
            self.report.publish.retain(|publish| publish.name != name.as_str());
            return Ok(true);
        }
        let then = if self.publisher.sends() { "" } else { "publish the record, then " };
        self.report
            .next
            .push(format!("{then}call this command again: DNS does not show {what} at {name} yet"));
        self.report.next.extend(seen.missing);
        Ok(false)
    }

    /// Lets the new key sign.
    fn switch(&mut self, number: usize) -> Result<Exit, Failure> {
        let Some(new) = self.keys.get(number).cloned() else { return Ok(Exit::Pass) };
        // Names that take turns had another record, which resolvers keep for as long as its TTL.
        let hold = self.args.alias(&new.selector).map_or(0, |_| u64::from(self.args.update.ttl));
        let from = new.since().and_then(|since| since.checked_add(Duration::from_secs(hold)));
        if from.is_some_and(|from| from > self.now) {
            let line = format!(
                "sign with {}, when resolvers have forgotten its last key: call this command again in {hold} seconds",
                new.selector
            );
            self.report.next.push(line);
            return Ok(Exit::Temporary);
        }
        // If this is interrupted, the next call needs to know the old one.
        self.keys.write_active()?;
        self.target.switch(self.keys.active(), &new, &self.args.domain)?;
        self.settle(number)?;
        Ok(Exit::Pass)
    }

    /// What is left to do when the tables name the new key.
    fn settle(&mut self, number: usize) -> Result<(), Failure> {
        self.args.run_reload()?;
        let old = self.keys.switch_to(number, self.now)?;
        let Some(new) = self.keys.get(number) else { return Ok(()) };
        let selector = &new.selector;
        self.report.done.push(format!("{selector} signs from now on"));
        if self.args.reload.is_none() {
            let line = match self.target {
                Target::Lives | Target::Link(_) => {
                    format!("sign with -s {selector} -k {}", new.path.display())
                }
                _ => {
                    "reload the daemon that signs, if it does not see for itself that its tables have changed"
                        .into()
                }
            };
            self.report.next.push(line);
        }
        let date =
            self.now.checked_add(self.args.retire).map(|date| Date::of(date).to_string()).unwrap_or_default();
        let tell = |old: Selector| format!("{old} no longer signs: its record can be removed on {date}");
        self.report.next.extend(old.into_iter().map(tell));
        Ok(())
    }

    /// Revokes a retired key, when no mail in transit needs it any more.
    fn revoke(&mut self, number: usize) -> Result<Exit, Failure> {
        let Some(key) = self.keys.get(number).cloned() else { return Ok(Exit::Pass) };
        let due = key.since().and_then(|since| since.checked_add(self.args.retire));
        if let Some(due) = due.filter(|due| *due > self.now) {
            self.report.next.push(format!(
                "{} no longer signs: its record can be removed on {}",
                key.selector,
                Date::of(due)
            ));
            return Ok(Exit::Pass);
        }
        let place = self.place(&key.selector)?;
        if look(&self.args.dns, &place, Wanted::NoKey)?.nowhere() {
            self.publisher.publish(&place, REVOKED, Before::Ours, self.now, &mut self.report)?;
        }
        if !self.wait(&place, Wanted::NoKey, &format!("that the key {} is revoked", key.selector))? {
            return Ok(Exit::Temporary);
        }
        self.target.forget(&key, &self.args.domain)?;
        self.keys.advance(number, KeyState::Revoked, self.now)?;
        let path = terminal::visible(&key.path.display().to_string());
        self.report.done.push(format!("{} is revoked: {path} is no longer needed", key.selector));
        Ok(Exit::Pass)
    }
}
