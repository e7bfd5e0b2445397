//! Changes of a zone (RFC 2136), signed with TSIG (RFC 8945).

use super::{tsig, wire};
use crate::{exit::Failure, time::unix_seconds, txt};
use clap::Args;
use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode, UpdateMessage},
    rr::{DNSClass, Name, RData, Record, RecordType, TSigner, rdata::TXT},
};
use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::SystemTime};
use waxseal::dns::DomainName;
use waxseal_resolver::parse_server;

#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Send the records to this name server as RFC 2136 updates, instead of printing them: the primary server of the zone
    #[arg(long, value_name = "IP[:PORT]", value_parser = parse_server)]
    update: Option<SocketAddr>,
    /// The key with which updates are signed: a file of tsig-keygen, keymgr or nsupdate -k
    #[arg(long, value_name = "FILE", requires = "update")]
    tsig: Option<PathBuf>,
    /// The TTL of the records
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    pub(super) ttl: u32,
}

/// Sends updates to one server.
pub(super) struct Updater {
    server: SocketAddr,
    signer: Option<TSigner>,
    ttl: u32,
}

/// What may already exist at the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: records of others are never replaced.
    Nothing,
    /// A record of ours, which is replaced.
    Ours,
}

impl Updater {
    pub(super) fn new(args: &UpdateArgs) -> Result<Option<Self>, Failure> {
        let Some(server) = args.update else { return Ok(None) };
        let signer = args.tsig.as_deref().map(tsig::read).transpose()?;
        Ok(Some(Self { server, signer, ttl: args.ttl }))
    }

    /// Makes `text` the one TXT record of `name`.
    pub(super) fn send(
        &self,
        name: &DomainName,
        text: &str,
        before: Before,
        now: SystemTime,
    ) -> Result<(), Failure> {
        let server = self.server;
        let unreachable = |error: std::io::Error| {
            Failure::new(format!(
                "cannot send the update to {server}: {error}: --update takes the primary server of the zone"
            ))
        };
        let broken = |error: &(dyn std::error::Error + 'static)| {
            Failure::because(format_args!("the update of {name}"), error)
        };
        let owner = Name::from_str(&format!("{name}.")).map_err(|error| broken(&error))?;
        let zone = wire::zone_of(server, &owner).map_err(unreachable)?.ok_or_else(|| {
            Failure::new(format!(
                "{server} does not serve a zone with {name}: --update takes the primary server of the zone"
            ))
        })?;
        let mut message = message(&owner, &zone, text, before, self.ttl);
        let signed = self.signer.as_ref().map(|signer| message.finalize(signer, unix_seconds(now)));
        let verifier = signed.transpose().map_err(|error| broken(&error))?.flatten();
        let reply = wire::exchange(server, &message).map_err(unreachable)?;
        let answer = Message::from_vec(&reply).map_err(|error| broken(&error))?;
        let is_signed = verifier.map(|mut verifier| verifier.verify(&reply).is_ok());
        match answer.metadata.response_code {
            ResponseCode::NoError if is_signed == Some(false) => Err(Failure::new(format!(
                "the answer of {server} to the update of {name} is not signed with the TSIG key: it may be forged, look at the zone"
            ))),
            // Sent before: the server has it, though others may not show it yet.
            ResponseCode::YXRRSet if wire::text_is(server, &owner, text).unwrap_or_default() => Ok(()),
            code => accepted(code, name, server),
        }
    }
}

/// One message, so that the change is made as a whole or not at all.
fn message(name: &Name, zone: &Name, text: &str, before: Before, ttl: u32) -> Message {
    let mut query = Query::new();
    query.set_name(zone.clone()).set_query_class(DNSClass::IN).set_query_type(RecordType::SOA);
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    message.add_zone(query);
    let mut set = Record::update0(name.clone(), 0, RecordType::TXT);
    match before {
        // RFC 2136 §2.4.3, and §2.5.2 below.
        Before::Nothing => {
            set.dns_class = DNSClass::NONE;
            message.add_pre_requisite(set.into_record_of_rdata());
        }
        Before::Ours => {
            set.dns_class = DNSClass::ANY;
            message.add_update(set.into_record_of_rdata());
        }
    }
    let strings = txt::strings(text).collect();
    message.add_update(Record::from_rdata(name.clone(), ttl, RData::TXT(TXT::new(strings))));
    message
}

fn accepted(code: ResponseCode, name: &DomainName, server: SocketAddr) -> Result<(), Failure> {
    let why = match code {
        ResponseCode::NoError => return Ok(()),
        ResponseCode::YXRRSet => "a TXT record already exists there: remove it, or give another --selector",
        ResponseCode::NotAuth | ResponseCode::BADSIG | ResponseCode::BADKEY | ResponseCode::BADTIME => {
            "the TSIG key is not accepted for it: name, algorithm and secret must match those of the server, which must allow this \
             update (acl of Knot, update-policy of BIND), and the clocks have to agree"
        }
        ResponseCode::Refused => {
            "the server allows no such update: allow it for the TSIG key and this name (acl of Knot, update-policy of BIND)"
        }
        ResponseCode::NotZone => "the name is not in the zone",
        ResponseCode::NotImp => "the server does not accept updates",
        _ => "see the log of the server",
    };
    Err(Failure::new(format!("{server} refused the update of {name} ({code}): {why}")))
}
