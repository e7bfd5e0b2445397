//! What of a record is to be evaluated.

use crate::{
    parse::{Name, TermRef, Terms},
    syntax_error::SyntaxError,
};
use std::net::IpAddr;

/// What of a record is to be evaluated: without a trace, the directives that need DNS and the first that matches without.
/// There are hardly ever more than ten, for more would exceed the limit.
#[derive(Default)]
pub(super) struct Plan {
    first: [TermRef; Plan::FIRST],
    more: Vec<TermRef>,
    count: usize,
    pub(super) redirect: Option<TermRef>,
    pub(super) exp: Option<TermRef>,
}

impl Plan {
    const FIRST: usize = 12;

    /// RFC 7208 §4.6: "The syntax of the record is validated first". Directives that need no DNS are decided on the way,
    /// so that a list of networks costs one pass; with `whole`, all are kept.
    pub(super) fn read(&mut self, record: &[u8], ip: IpAddr, whole: bool) -> Result<(), SyntaxError> {
        let mut terms = Terms::new(record);
        let mut decided = false;
        loop {
            if !whole {
                terms.skip_other_networks(ip);
            }
            let term = self.next();
            if !terms.read(term)? {
                return Ok(());
            }
            let keep = match term.name {
                Name::Redirect => {
                    self.redirect = Some(*term);
                    continue;
                }
                Name::Exp => {
                    self.exp = Some(*term);
                    continue;
                }
                Name::Unknown => continue,
                _ if decided => false,
                Name::Ip4 | Name::Ip6 => whole || term.contains(ip),
                _ => true,
            };
            if keep {
                // RFC 7208 §5.1: "Mechanisms after "all" will never be tested."
                decided = term.contains(ip);
                self.count += 1;
            }
        }
    }

    /// The term behind those that count.
    #[inline]
    fn next(&mut self) -> &mut TermRef {
        match self.first.get_mut(self.count) {
            Some(term) => term,
            None => {
                let index = self.count - Self::FIRST;
                self.more.resize(index + 1, TermRef::default());
                #[expect(clippy::indexing_slicing, reason = "it has just been made that long")]
                &mut self.more[index]
            }
        }
    }

    pub(super) fn terms(&self) -> impl Iterator<Item = &TermRef> {
        self.first.iter().chain(&self.more).take(self.count)
    }
}
