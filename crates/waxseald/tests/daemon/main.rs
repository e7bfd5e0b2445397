//! The daemon as a process: what it does when something goes wrong around it.

#[cfg(test)]
mod check;
#[cfg(test)]
mod dns;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod log;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod milter;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod process;
#[cfg(test)]
mod service;
