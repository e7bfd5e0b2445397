//! The canonical body itself, for tools that show it.

use super::{Gathered, Relaxed, Simple, pieces};
use crate::Canonicalization;
use std::sync::{Arc, Mutex, PoisonError};
use waxseal_crypto::{Digest, HashState, Hasher};

/// The canonical body.
pub(crate) fn canonical_body(canonicalization: Canonicalization, body: &[u8]) -> Vec<u8> {
    // Nobody asks for the digest of a copy.
    let Some(digest) = Digest::new(&[]) else { return Vec::new() };
    let copied = Arc::new(Mutex::new(Vec::with_capacity(body.len() + 2)));
    let hasher = Hasher::from_state(Box::new(Copy { copied: copied.clone(), digest }));
    match canonicalization {
        Canonicalization::Simple => {
            let mut simple = Simple::default();
            simple.sink.copy_to(hasher);
            pieces(body).for_each(|piece| simple.push(piece));
            simple.finish();
        }
        Canonicalization::Relaxed => {
            let mut relaxed = Relaxed::default();
            relaxed.sink.copy_to(hasher);
            let mut gathered = Gathered::new();
            pieces(body).for_each(|piece| relaxed.push(piece, &mut gathered));
            relaxed.sink.flush(&mut gathered);
            relaxed.finish();
        }
    }
    std::mem::take(&mut *copied.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Takes the place of a hash.
struct Copy {
    copied: Arc<Mutex<Vec<u8>>>,
    digest: Digest,
}

impl HashState for Copy {
    fn update(&mut self, data: &[u8]) {
        self.copied.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn finish(self: Box<Self>) -> Digest {
        self.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6376_3_4_5() {
        let body = b" C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(canonical_body(Canonicalization::Relaxed, body), b" C\r\nD E\r\n");
        assert_eq!(canonical_body(Canonicalization::Simple, body), b" C \r\nD \t E\r\n");
        assert_eq!(canonical_body(Canonicalization::Relaxed, b""), b"");
        assert_eq!(canonical_body(Canonicalization::Simple, b""), b"\r\n");
    }
}
