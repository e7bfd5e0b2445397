//! The daemon as a process: what it does when something goes wrong around it.

mod milter;
mod panics;
mod process;
