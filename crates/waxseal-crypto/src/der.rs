//! The subset of DER that RSA and Ed25519 keys need (X.690 §8, §10): a strict reader and a writer.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1, rsaEncryption (RFC 8017 appendix A.1).
pub(crate) const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.101.112, id-Ed25519 (RFC 8410 §3).
pub(crate) const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The name of a key algorithm, for messages.
pub(crate) fn algorithm_name(oid: &[u8]) -> &'static str {
    match oid {
        OID_RSA => "RSA",
        OID_ED25519 => "Ed25519",
        [0x2b, 0x65, 0x6e] => "X25519",
        [0x2b, 0x65, 0x6f] => "X448",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => "elliptic curves (EC)",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => "DSA",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => "RSASSA-PSS",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07] => "RSAES-OAEP",
        _ => "an unknown algorithm",
    }
}

/// Why bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DerError(pub(crate) &'static str);

/// Reads DER values one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn read(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        let (&found, rest) = self.rest.split_first().ok_or(DerError("it ends too early"))?;
        if found != tag {
            return Err(DerError(match tag {
                SEQUENCE => "a SEQUENCE is missing",
                INTEGER => "an INTEGER is missing",
                BIT_STRING => "a BIT STRING is missing",
                OCTET_STRING => "an OCTET STRING is missing",
                OBJECT_IDENTIFIER => "an OBJECT IDENTIFIER is missing",
                _ => "a value has the wrong type",
            }));
        }
        let (len, rest) = read_length(rest)?;
        let (content, rest) = rest.split_at_checked(len).ok_or(DerError("a length passes the end"))?;
        self.rest = rest;
        Ok(content)
    }

    /// A reader over the content of the next value, which must have this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Self, DerError> {
        self.read(tag).map(Self::new)
    }

    /// The magnitude of the next INTEGER, big-endian without leading zeros: empty for zero.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        match self.read(INTEGER)? {
            [] => Err(DerError("an INTEGER has no bytes")),
            [0] => Ok(&[]),
            // X.690 §8.3.2: the first nine bits shall not all be zero.
            [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Ok(rest),
            [0, ..] => Err(DerError("an INTEGER has redundant leading zeros")),
            [first, ..] if *first >= 0x80 => Err(DerError("an INTEGER is negative")),
            magnitude => Ok(magnitude),
        }
    }

    /// The bytes of the next BIT STRING, which must be whole bytes.
    pub(crate) fn bit_string(&mut self) -> Result<&'a [u8], DerError> {
        match self.read(BIT_STRING)? {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(DerError("a BIT STRING is not whole bytes")),
        }
    }

    /// Checks that nothing follows.
    pub(crate) const fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError("bytes follow the end")) }
    }
}

/// A definite length in its shortest form (X.690 §10.1), of at most three bytes.
fn read_length(input: &[u8]) -> Result<(usize, &[u8]), DerError> {
    match *input {
        [] => Err(DerError("it ends too early")),
        [len @ 0..=0x7f, ref rest @ ..] => Ok((usize::from(len), rest)),
        [0x80, ..] => Err(DerError("a length is indefinite")),
        [0x81, len @ 0x80..=0xff, ref rest @ ..] => Ok((usize::from(len), rest)),
        [0x82, high @ 1..=0xff, low, ref rest @ ..] => Ok((usize::from(high) << 8 | usize::from(low), rest)),
        [0x83, high @ 1..=0xff, mid, low, ref rest @ ..] => {
            Ok((usize::from(high) << 16 | usize::from(mid) << 8 | usize::from(low), rest))
        }
        [0x81..=0x83, ..] => Err(DerError("a length is cut off or not in its shortest form")),
        _ => Err(DerError("a length is over 16 MiB")),
    }
}

/// Appends a value with this tag and the parts of `content` one after the other.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, content: &[&[u8]]) {
    let len: usize = content.iter().map(|part| part.len()).sum();
    out.push(tag);
    let bytes = len.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(skip..).unwrap_or_default();
    match significant {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            out.extend_from_slice(long);
        }
    }
    for part in content {
        out.extend_from_slice(part);
    }
}

/// Appends a non-negative INTEGER given by its magnitude without leading zeros.
pub(crate) fn write_unsigned(out: &mut Vec<u8>, magnitude: &[u8]) {
    let sign: &[u8] = if magnitude.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    write(out, INTEGER, &[sign, magnitude]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_be_definite_and_shortest() {
        for (input, why) in [
            (&[0x30][..], "it ends too early"),
            (&[0x30, 0x80, 0, 0], "a length is indefinite"),
            (&[0x30, 0x81, 0x01, 0], "a length is cut off or not in its shortest form"),
            (&[0x30, 0x82, 0x00, 0x80], "a length is cut off or not in its shortest form"),
            (&[0x30, 0x83, 0x00, 0x01, 0x00], "a length is cut off or not in its shortest form"),
            (&[0x30, 0x82, 0x01], "a length is cut off or not in its shortest form"),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], "a length is over 16 MiB"),
            (&[0x30, 0x02, 0x00], "a length passes the end"),
        ] {
            assert_eq!(Reader::new(input).read(SEQUENCE), Err(DerError(why)), "{input:02x?}");
        }
    }

    #[test]
    fn integers_must_be_minimal_and_positive() {
        let read = |input: &'static [u8]| Reader::new(input).unsigned();
        assert_eq!(read(&[2, 1, 0]), Ok(&[][..]));
        assert_eq!(read(&[2, 1, 0x7f]), Ok(&[0x7f][..]));
        assert_eq!(read(&[2, 2, 0, 0x80]), Ok(&[0x80][..]));
        assert_eq!(read(&[2, 0]), Err(DerError("an INTEGER has no bytes")));
        assert_eq!(read(&[2, 2, 0, 0x7f]), Err(DerError("an INTEGER has redundant leading zeros")));
        assert_eq!(read(&[2, 2, 0, 0]), Err(DerError("an INTEGER has redundant leading zeros")));
        assert_eq!(read(&[2, 1, 0x80]), Err(DerError("an INTEGER is negative")));
        assert_eq!(read(&[3, 1, 1]), Err(DerError("an INTEGER is missing")));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![0x55; len];
            let mut out = Vec::new();
            write(&mut out, OCTET_STRING, &[&content]);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.read(OCTET_STRING), Ok(&content[..]), "{len}");
            assert_eq!(reader.end(), Ok(()));
        }
        for magnitude in [&[][..], &[1], &[0x80], &[0x7f, 0xff], &[0xff, 0xff]] {
            let mut out = Vec::new();
            write_unsigned(&mut out, magnitude);
            assert_eq!(Reader::new(&out).unsigned(), Ok(magnitude));
        }
    }
}
