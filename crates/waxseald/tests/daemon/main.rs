//! The daemon as a process: what it does when something goes wrong around it.

#[expect(dead_code, reason = "the tests of TCP follow")]
#[cfg(test)]
mod milter;
#[cfg(test)]
mod panics;
#[expect(dead_code, reason = "the tests of the process follow")]
#[cfg(test)]
mod process;
