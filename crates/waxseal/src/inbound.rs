//! The inbound check: an envelope and a message in, every verdict and what to do out.

mod arrival;
mod authenticator;
mod check;
mod envelope;
mod evidence;
mod examined;
mod explain;
mod iprev;
mod lookups;
mod relays;
mod report;
mod session;
mod trust;

pub use arrival::{Arrival, NoArrivalTime, NoEnvelope};
pub use authenticator::Authenticator;
pub use check::InboundCheck;
pub use envelope::Envelope;
pub use evidence::{Evidence, ReplayError};
pub use iprev::{IprevCause, IprevCheck, IprevVerdict};
pub use lookups::Lookups;
pub use relays::{InvalidRelays, Relays};
pub use report::Report;
pub use session::{HeaderEnded, Session};
pub use trust::{Distrust, TrustedForwarder};
