//! The inbound check: from envelope and message to verdicts and disposition.

mod arrival;
mod authenticator;
mod case;
mod check;
mod envelope;
mod evidence;
mod explain;
mod incoming;
mod iprev;
mod lookups;
mod methods;
mod relays;
mod report;
#[cfg(feature = "serde")]
mod serialize;
mod session;
mod settings;
mod trust;

pub use arrival::{Arrival, NoArrivalTime, NoEnvelope};
pub use authenticator::Authenticator;
pub use check::InboundCheck;
pub use envelope::Envelope;
#[cfg(feature = "json")]
pub use evidence::InvalidEvidence;
pub use evidence::{Evidence, ReplayError};
pub use iprev::{IprevCause, IprevCheck, IprevVerdict};
pub use lookups::Lookups;
pub use methods::Method;
pub use relays::{InvalidRelays, Relays};
pub use report::Report;
pub use session::{HeaderEnded, Session};
pub use trust::{Distrust, TrustedForwarder};
