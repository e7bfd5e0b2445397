//! Packets: a length of four bytes, a command byte, and the data.

use bytes::{Buf, Bytes, BytesMut};

/// A received packet, without its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) code: u8,
    pub(crate) data: Bytes,
}

/// A packet of an invalid length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("packet of {length} bytes, where 1 to {max} are allowed")]
pub struct InvalidLength {
    length: usize,
    max: usize,
}

/// The received bytes of incomplete packets, and the limit for the next one.
#[derive(Debug)]
pub(crate) struct Packets {
    buffer: BytesMut,
    max: usize,
}

impl Packets {
    pub(crate) fn new(max: usize) -> Self {
        Self { buffer: BytesMut::new(), max }
    }

    /// Raises the limit; what was promised before stays allowed.
    pub(crate) fn raise_max(&mut self, max: usize) {
        self.max = self.max.max(max);
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next packet; `None` while it is incomplete.
    ///
    /// A length is checked as soon as it arrives, so a peer cannot make the buffer grow beyond the limit plus one read.
    pub(crate) fn next(&mut self) -> Result<Option<Packet>, InvalidLength> {
        let Some(length) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length == 0 || length > self.max {
            return Err(InvalidLength { length, max: self.max });
        }
        if self.buffer.len() - 4 < length {
            return Ok(None);
        }
        self.buffer.advance(4);
        let mut data = self.buffer.split_to(length).freeze();
        Ok(Some(Packet { code: data.get_u8(), data }))
    }
}

/// Appends a packet to the output.
pub(crate) fn write(out: &mut Vec<u8>, code: u8, parts: &[&[u8]]) {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    // Whoever makes a packet has limited its parts to far less.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.push(code);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_data_came() {
        let mut packets = Packets::new(10);
        packets.push(&[0, 0, 0, 11]);
        assert_eq!(packets.next(), Err(InvalidLength { length: 11, max: 10 }));
        let mut packets = Packets::new(10);
        packets.push(&[0, 0, 0, 0, b'Q']);
        assert_eq!(packets.next(), Err(InvalidLength { length: 0, max: 10 }));
    }

    proptest! {
        /// However the bytes are split, the packets are the same.
        #[test]
        fn packets_do_not_depend_on_reads(
            sent in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
            size in 1_usize..50,
        ) {
            let mut bytes = Vec::new();
            for (code, data) in &sent {
                write(&mut bytes, *code, &[data]);
            }
            let mut packets = Packets::new(64);
            let mut received = Vec::new();
            for chunk in bytes.chunks(size) {
                packets.push(chunk);
                while let Some(packet) = packets.next().unwrap() {
                    received.push((packet.code, packet.data.to_vec()));
                }
            }
            prop_assert_eq!(received, sent);
        }
    }
}
