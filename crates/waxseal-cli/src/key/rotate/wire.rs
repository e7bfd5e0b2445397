//! Messages to one DNS server over TCP, for what the resolvers do not offer.

use hickory_proto::{
    op::{Message, Query},
    rr::{Name, RData, RecordType},
};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// For each step of an exchange.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends a message (RFC 7766 §8: behind its length) and returns the reply.
pub(super) fn exchange(server: SocketAddr, message: &Message) -> io::Result<Vec<u8>> {
    let bytes = message.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

fn query(server: SocketAddr, name: &Name, kind: RecordType) -> io::Result<Message> {
    let mut query = Query::new();
    query.set_name(name.clone()).set_query_type(kind);
    let mut message = Message::query();
    message.add_query(query);
    let reply = Message::from_vec(&exchange(server, &message)?).map_err(io::Error::other)?;
    if reply.metadata.id != message.metadata.id {
        return Err(ErrorKind::InvalidData.into());
    }
    Ok(reply)
}

/// The zone that a name is in: that of the SOA record, which answers name or stand beside it.
pub(super) fn zone_of(server: SocketAddr, name: &Name) -> io::Result<Option<Name>> {
    let reply = query(server, name, RecordType::SOA)?;
    let is_soa = |record: &&hickory_proto::rr::Record| {
        matches!(record.data, RData::SOA(_)) && record.name.zone_of(name)
    };
    Ok(reply.answers.iter().chain(&reply.authorities).find(is_soa).map(|record| record.name.clone()))
}

/// The names of the servers of a zone.
pub(super) fn name_servers(server: SocketAddr, zone: &Name) -> io::Result<Vec<String>> {
    let reply = query(server, zone, RecordType::NS)?;
    let name = |record: &hickory_proto::rr::Record| match &record.data {
        RData::NS(ns) => Some(ns.0.to_ascii().trim_end_matches('.').to_owned()),
        _ => None,
    };
    Ok(reply.answers.iter().filter_map(name).collect())
}

/// Whether the server has this TXT record, and no other, under a name.
pub(super) fn text_is(server: SocketAddr, name: &Name, text: &str) -> io::Result<bool> {
    let reply = query(server, name, RecordType::TXT)?;
    let texts = reply.answers.iter().filter_map(|record| match &record.data {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    });
    Ok(texts.collect::<Vec<_>>() == [text.as_bytes()])
}
