//! The `waxseal` command as people and scripts use it.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod author;
#[cfg(test)]
mod authres;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod bounce;
#[cfg(test)]
mod check;
#[cfg(test)]
mod check_lines;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod dkim;
#[cfg(test)]
mod dmarc;
#[cfg(all(test, feature = "explain"))]
mod explain;
#[cfg(all(test, feature = "generate"))]
mod generate;
#[cfg(test)]
mod help;
#[cfg(test)]
mod howtos;
#[cfg(test)]
mod key;
#[cfg(test)]
mod keygen;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
mod nameserver;
#[cfg(test)]
mod odd_files;
#[cfg(test)]
mod old_tools;
#[cfg(test)]
mod post;
#[cfg(test)]
mod rotate;
#[cfg(test)]
mod sign;
#[cfg(test)]
mod spf;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod timeout;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod why;
