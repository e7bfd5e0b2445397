//! A DNS server on loopback.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use waxseal_dns::{DomainName, Existence, Question, Record, RecordType, Zone};

/// Answers from a zone over UDP, and validates as far as the AD bit says.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    pub(crate) fn start(zone: Zone) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                count.fetch_add(1, Ordering::Relaxed);
                socket.send_to(&reply(&zone, &query[..length]), client).unwrap();
            }
        });
        Self { address, asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// RFC 1035 §4.1: the header, one question (name, type, class), and the answers.
fn reply(zone: &Zone, query: &[u8]) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let kinds = [
        (RecordType::A, 1),
        (RecordType::Ptr, 12),
        (RecordType::Mx, 15),
        (RecordType::Txt, 16),
        (RecordType::Aaaa, 28),
    ];
    let found = kinds.iter().find(|(_, number)| *number == kind).map(|(kind, _)| *kind);
    let name: Option<DomainName> = labels.join(".").parse().ok();
    let answer = name.zip(found).map(|(name, kind)| zone.lookup(&Question { name, kind }).unwrap());
    let is_missing = answer.as_ref().is_some_and(|answer| answer.existence == Existence::NxDomain);
    let data: Vec<_> = answer.iter().flat_map(|answer| answer.records.iter()).map(data).collect();
    let mut reply = query[..2].to_vec();
    // The AD bit of the question is that of the reply.
    reply.extend([
        0x81,
        0x80 | query[3] & 0x20 | if is_missing { 3 } else { 0 },
        0,
        1,
        0,
        data.len() as u8,
        0,
        0,
        0,
        0,
    ]);
    reply.extend(&query[12..at + 5]);
    for data in data {
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
    }
    reply
}

fn data(record: &Record) -> Vec<u8> {
    match record {
        Record::Txt(text) => text.chunks(255).flat_map(|part| [&[part.len() as u8], part].concat()).collect(),
        Record::A(address) => address.octets().to_vec(),
        Record::Aaaa(address) => address.octets().to_vec(),
        Record::Mx(preference, host) => {
            [&preference.to_be_bytes()[..], &host.as_ref().map_or(vec![0], wire)].concat()
        }
        Record::Ptr(name) => wire(name),
    }
}

fn wire(name: &DomainName) -> Vec<u8> {
    let labels = name.as_str().split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}
