//! Converts between the types of waxseal-dns and the wire format.

use crate::failure::Failure;
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RData, Record as WireRecord, RecordType as WireType},
};
use std::time::Duration;
use waxseal_dns::{Answer, Dnssec, DomainName, Existence, LookupError, Question, Record, RecordType};

/// RFC 6891 §6.2.5 leaves the size open; with 48 bytes of headers, 1232 make the 1280 that fit every IPv6 link (RFC
/// 8200 §5).
pub(crate) const UDP_PAYLOAD: u16 = 1232;
/// A chain of aliases longer than this is a loop.
pub(crate) const MAX_ALIASES: usize = 16;

/// Why a datagram is not the expected response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Not an answer to our query: another one's, late or forged. Keep waiting.
    Stray,
    /// Ours, but truncated, or with another case of letters in its question: ask over TCP.
    AskByTcp,
    /// Ours, but broken.
    Malformed,
}

fn wire_type(kind: RecordType) -> WireType {
    match kind {
        RecordType::Txt => WireType::TXT,
        RecordType::A => WireType::A,
        RecordType::Aaaa => WireType::AAAA,
        RecordType::Mx => WireType::MX,
        RecordType::Ptr => WireType::PTR,
    }
}

/// `None` for a name that does not fit the wire format, which cannot happen with a [`DomainName`].
fn wire_name(name: &DomainName) -> Option<Name> {
    Name::from_labels(name.labels().map(str::as_bytes)).ok()
}

/// The name, with non-printable bytes, dots within a label and backslashes written `\DDD`: nobody asks for such a name,
/// but it can be reported. `None` for the root and for names that become too long.
fn domain_name(name: &Name) -> Option<DomainName> {
    let mut text = Vec::with_capacity(name.len());
    for label in name.iter() {
        for &octet in label {
            if matches!(octet, b' '..=b'~') && octet != b'.' && octet != b'\\' {
                text.push(octet);
            } else {
                text.extend_from_slice(format!("\\{octet:03}").as_bytes());
            }
        }
        text.push(b'.');
    }
    DomainName::lenient(&text).ok()
}

/// `None` for other types, and for names that cannot be expressed.
fn record(data: &RData) -> Option<Record> {
    match data {
        RData::TXT(txt) => Some(Record::Txt(txt.txt_data.concat().into())),
        RData::A(address) => Some(Record::A(address.0)),
        RData::AAAA(address) => Some(Record::Aaaa(address.0)),
        RData::MX(mx) if mx.exchange.is_root() => Some(Record::Mx(mx.preference, None)),
        RData::MX(mx) => Some(Record::Mx(mx.preference, Some(domain_name(&mx.exchange)?))),
        RData::PTR(name) => domain_name(&name.0).map(Record::Ptr),
        _ => None,
    }
}

/// RFC 2181 §8: a time to live "with the most significant bit set" is taken as zero.
pub(crate) fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(if ttl > i32::MAX as u32 { 0 } else { ttl.into() })
}

/// A query with a random id.
pub(crate) fn query(name: &Name, kind: WireType, want_ad: bool, edns: bool) -> Message {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    // RFC 6840 §5.7: AD in a query means that the client understands it in the response.
    query.metadata.authentic_data = want_ad;
    query.add_query(Query::query(name.clone(), kind));
    if edns {
        let mut options = Edns::new();
        options.set_max_payload(UDP_PAYLOAD).set_version(0);
        query.set_edns(options);
    }
    query
}

/// Reads a response to `query` and compares it with the query (RFC 5452 §9.1).
pub(crate) fn response(octets: &[u8], query: &Message) -> Result<Message, Unfit> {
    let [id_high, id_low, flags, ..] = *octets else { return Err(Unfit::Stray) };
    let is_response = flags & 0x80 != 0;
    if !is_response || u16::from_be_bytes([id_high, id_low]) != query.metadata.id {
        return Err(Unfit::Stray);
    }
    let truncated = flags & 0x02 != 0;
    let broken = if truncated { Unfit::AskByTcp } else { Unfit::Malformed };
    let message = Message::from_vec(octets).map_err(|_| broken)?;
    if message.metadata.message_type != MessageType::Response || message.metadata.op_code != OpCode::Query {
        return Err(Unfit::Stray);
    }
    match (message.queries.as_slice(), query.queries.as_slice()) {
        ([echo], [asked]) if echo.query_type == asked.query_type && echo.query_class == asked.query_class => {
            if echo.name.eq_case(&asked.name) && !truncated {
                Ok(message)
            } else if echo.name == asked.name {
                Err(Unfit::AskByTcp)
            } else {
                Err(Unfit::Stray)
            }
        }
        // A server that does not understand the query may not repeat it.
        ([], _) if !is_answer(message.metadata.response_code) => Ok(message),
        _ => Err(Unfit::Stray),
    }
}

/// Whether the code means that the question was answered, if only negatively.
pub(crate) fn is_answer(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// A lookup that follows aliases from response to response.
#[derive(Debug)]
pub(crate) struct Chain {
    /// The name to ask for next.
    pub(crate) name: Name,
    pub(crate) kind: WireType,
    /// How many aliases were followed.
    aliases: usize,
    /// The smallest time to live on the way.
    ttl: Duration,
    /// The weakest state on the way.
    dnssec: Dnssec,
}

impl Chain {
    pub(crate) fn new(q: &Question) -> Result<Self, LookupError> {
        let name = wire_name(&q.name).ok_or(LookupError::Malformed)?;
        Ok(Self { name, kind: wire_type(q.kind), aliases: 0, ttl: Duration::MAX, dnssec: Dnssec::Secure })
    }

    /// Takes a response to the question for [`Chain::name`]: returns the answer, or `None` when the server stopped at
    /// an alias.
    pub(crate) fn follow(&mut self, message: &Message, dnssec: Dnssec) -> Result<Option<Answer>, Failure> {
        if !is_answer(message.metadata.response_code) {
            return Err(Failure::Code(message.metadata.response_code));
        }
        let before = self.aliases;
        loop {
            let found: Vec<_> = of_type(message, &self.name, self.kind).collect();
            if let Some(ttl) = found.iter().map(|record| seconds(record.ttl)).min() {
                let records: Vec<_> = found.iter().filter_map(|found| record(&found.data)).collect();
                return Ok(Some(self.end(Answer::new(records), Some(ttl), dnssec)));
            }
            let Some(alias) = of_type(message, &self.name, WireType::CNAME).next() else { break };
            let RData::CNAME(target) = &alias.data else { break };
            if self.aliases == MAX_ALIASES {
                return Err(Failure::Aliases);
            }
            self.aliases += 1;
            self.ttl = self.ttl.min(seconds(alias.ttl));
            self.name = target.0.clone();
        }
        let ttl = negative_ttl(message);
        if message.metadata.response_code == ResponseCode::NXDomain {
            Ok(Some(self.end(Answer::nxdomain(), ttl, dnssec)))
        } else if ttl.is_none() && self.aliases > before {
            self.dnssec = self.dnssec.min(dnssec);
            Ok(None)
        } else if ttl.is_none() && is_referral(message) {
            Err(Failure::Referral)
        } else {
            Ok(Some(self.end(Answer::nodata(), ttl, dnssec)))
        }
    }

    /// The answer, with the time to live and state that the chain allows.
    pub(crate) fn end(&self, answer: Answer, ttl: Option<Duration>, dnssec: Dnssec) -> Answer {
        // RFC 6604 §3: with aliases, the code is about the last name; the first one exists.
        let existence = if self.aliases == 0 { answer.existence } else { Existence::Exists };
        let (ttl, dnssec) = (ttl.map(|ttl| ttl.min(self.ttl)), dnssec.min(self.dnssec));
        Answer { existence, ttl, dnssec, ..answer }
    }
}

/// What the AD bit of a message means. A validating server sets it when every record is authentic (RFC 4035 §3.2.3) and
/// refuses bogus answers, so an answer without it is not signed.
pub(crate) fn dnssec(trust_ad: bool, authentic: bool) -> Dnssec {
    match (trust_ad, authentic) {
        (false, _) => Dnssec::Indeterminate,
        (true, true) => Dnssec::Secure,
        (true, false) => Dnssec::Insecure,
    }
}

fn of_type<'m>(message: &'m Message, name: &Name, kind: WireType) -> impl Iterator<Item = &'m WireRecord> {
    let is_ours = move |record: &&WireRecord| {
        record.record_type() == kind && record.dns_class == DNSClass::IN && record.name == *name
    };
    message.answers.iter().filter(is_ours)
}

/// RFC 2308 §3: "the minimum of the MINIMUM field of the SOA record and the TTL of the SOA itself".
fn negative_ttl(message: &Message) -> Option<Duration> {
    message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(seconds(record.ttl).min(seconds(soa.minimum))),
        _ => None,
    })
}

/// A server that neither knows the answer nor recurses refers to others, which is not followed.
fn is_referral(message: &Message) -> bool {
    let metadata = &message.metadata;
    let delegates = message.authorities.iter().any(|record| record.record_type() == WireType::NS);
    delegates && !metadata.authoritative && !metadata.recursion_available
}
