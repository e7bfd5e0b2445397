//! Whether a signature verifies with its key (RFC 6376 §6.1.3).

use super::{
    FIELD_NAME, Verifier,
    key_rules::{check_bits, check_record},
};
use crate::{
    BodyLengthPolicy, Cause, Policy, Signature, Verdict,
    body::{BodyHash, BodyHashes},
    picker::{FieldIndex, Picker},
    verdict::KeyFacts,
};
use std::{collections::HashSet, sync::Arc};
use waxseal_crypto::{Algorithm, PublicKey, VerifyError};
use waxseal_dns::{DomainName, Reply};
use waxseal_header::{Field, Header};

/// Everything known about a message.
pub(super) struct Judge<'c> {
    pub(super) verifier: &'c Verifier,
    pub(super) header: &'c Header,
    pub(super) hashes: &'c BodyHashes,
    pub(super) index: FieldIndex,
}

impl Judge<'_> {
    /// Judges a signature, given the number of its field and the reply to the lookup of its key.
    pub(super) fn verdict(&self, signature: &Arc<Signature>, field: usize, reply: &Reply) -> Verdict {
        let mut verdict = Verdict { signature: Some(signature.clone()), ..Verdict::new(None) };
        verdict.cause = self.judge(signature, field, reply, &mut verdict).err();
        verdict
    }

    fn judge(
        &self,
        signature: &Signature,
        field: usize,
        reply: &Reply,
        verdict: &mut Verdict,
    ) -> Result<(), Cause> {
        if let Ok(answer) = reply {
            (verdict.dnssec, verdict.ttl) = (answer.dnssec, answer.ttl);
        }
        let found = self.verifier.key_record(signature.key_name(), reply)?;
        verdict.ignored_records = found.ignored;
        let key = check_record(&found.record, signature.algorithm())?;
        if found.record.has_strict_identity() && !identity_is_domain(signature) {
            return Err(Cause::StrictIdentity);
        }
        verdict.key =
            Some(KeyFacts { record: found.text, bits: key.bits(), testing: found.record.is_testing() });
        check_bits(key, &self.verifier.policy)?;
        let body = self.hashes.get(&signature.body_form()).ok_or(Cause::NoBodyHash)?;
        let message = (self.header, &self.index, field);
        verdict.unsigned_additions =
            self.verifier.verify_message(signature, key, message, body).map_err(|cause| match cause {
                Cause::HeaderSignature { header_hash, .. } => Cause::HeaderSignature {
                    header_hash,
                    changed_fields: changed_fields(signature, self.header),
                },
                other => other,
            })?;
        Ok(())
    }
}

/// For ARC (RFC 8617), whose signatures are verified like those of DKIM.
impl Verifier {
    /// Verifies `signature`, the field number `field` of the header behind `index`, with its `key`: the signed fields,
    /// and the body by its hash `body`. Returns the fields that may occur once but occur more often than the signature
    /// covers, see [`Verdict::unsigned_additions`].
    ///
    /// # Errors
    /// [`Cause::BodyHash`], [`Cause::HeaderSignature`], those about `l=`, and [`Cause::UnsignedAddition`].
    pub(crate) fn verify_message(
        &self,
        signature: &Signature,
        key: &PublicKey,
        (header, index, field): (&Header, &FieldIndex, usize),
        body: &BodyHash,
    ) -> Result<Vec<&'static str>, Cause> {
        let mut picker = index.picker(header);
        let input = header_input(signature, (header, field), &mut picker);
        self.check_signature(signature, key, &input, body)?;
        let additions = unsigned_additions(&picker);
        match additions.first() {
            Some(field) if self.policy.refuse_unsigned_additions => Err(Cause::UnsignedAddition(field)),
            _ => Ok(additions),
        }
    }

    /// Verifies `signature` over `input`, the canonical bytes.
    ///
    /// # Errors
    /// [`Cause::HeaderSignature`], or [`Cause::Crypto`] when the provider does not verify such signatures.
    pub(crate) fn verify_bytes(
        &self,
        algorithm: Algorithm,
        key: &PublicKey,
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), Cause> {
        match self.provider.verify(key, algorithm, input, signature) {
            Ok(()) => Ok(()),
            Err(VerifyError::BadSignature) => Err(self.header_changed(algorithm, input)),
            Err(error) => Err(Cause::Crypto(error)),
        }
    }

    /// RFC 6376 §6.1.3.
    fn check_signature(
        &self,
        signature: &Signature,
        key: &PublicKey,
        input: &[u8],
        body: &BodyHash,
    ) -> Result<(), Cause> {
        let header = self.verify_bytes(signature.algorithm(), key, input, signature.signature());
        let header_intact = match &header {
            Ok(()) => true,
            Err(Cause::HeaderSignature { .. }) => false,
            Err(_) => return header,
        };
        check_body(signature, body, header_intact)?;
        header?;
        check_additions(signature, body, &self.policy)
    }

    fn header_changed(&self, algorithm: Algorithm, input: &[u8]) -> Cause {
        let mut hasher = self.provider.hasher(algorithm.hash());
        hasher.update(input);
        Cause::HeaderSignature { header_hash: hasher.finish().as_ref().to_vec(), changed_fields: Vec::new() }
    }
}

impl Signature {
    /// The bytes that were signed (RFC 6376 §3.7) in a message with this header: the signed fields, then the signature
    /// field without `b=`, each canonical. `None` when the header does not contain the signature field.
    pub fn signed_bytes(&self, header: &Header) -> Option<Vec<u8>> {
        let is_own = |number: usize| {
            let is_signature = header.field(number).is_some_and(|field| field.is(FIELD_NAME));
            is_signature && header.value_bytes(number).as_ref() == Some(self.value())
        };
        let own = (0..header.len()).find(|number| is_own(*number))?;
        Some(self.signed_bytes_of(header, own))
    }

    /// The same for the field of that number.
    pub(crate) fn signed_bytes_of(&self, header: &Header, own: usize) -> Vec<u8> {
        header_input(self, (header, own), &mut FieldIndex::new(header).picker(header))
    }
}

/// The most room that is made for the signed fields beforehand.
const INPUT_BYTES: usize = 4096;

/// RFC 6376 §3.7: the signed fields, then the signature field without `b=` and its line end.
fn header_input(
    signature: &Signature,
    (header, field): (&Header, usize),
    picker: &mut Picker<'_>,
) -> Vec<u8> {
    // Each field is signed once at most.
    let mut input = Vec::with_capacity(header.as_bytes().len().min(INPUT_BYTES));
    let own = header.field(field);
    let form = signature.header_canonicalization();
    // §3.5: "The field MUST NOT include the DKIM-Signature header field that is being created or verified".
    let is_own = |field: &Field<'_>| own.is_some_and(|own| std::ptr::eq(own.raw(), field.raw()));
    for name in signature.signed_fields() {
        let picked = picker.pick(name);
        let picked = if picked.as_ref().is_some_and(is_own) { picker.pick(name) } else { picked };
        if let Some(field) = picked {
            form.header_field(field, &mut input);
        }
    }
    if let Some(field) = own {
        form.signature_field(field, signature.signature_range(), &mut input);
    }
    input
}

fn check_body(signature: &Signature, body: &BodyHash, header_intact: bool) -> Result<(), Cause> {
    if let Some(signed) = signature.body_length().filter(|signed| *signed > body.length()) {
        return Err(Cause::BodyTooShort { signed, bytes: body.length() });
    }
    if body.digest().as_ref() == signature.body_hash() {
        return Ok(());
    }
    Err(Cause::BodyHash {
        expected: signature.body_hash().to_vec(),
        computed: body.digest().as_ref().to_vec(),
        header_intact,
    })
}

fn identity_is_domain(signature: &Signature) -> bool {
    let Some(identity) = signature.identity() else {
        return true;
    };
    let host = identity.rsplit(|c| *c == b'@').next().and_then(|host| std::str::from_utf8(host).ok());
    host.and_then(|host| DomainName::new(host).ok()).as_ref() == Some(signature.domain())
}

fn check_additions(signature: &Signature, body: &BodyHash, policy: &Policy) -> Result<(), Cause> {
    let bytes = body.length();
    match signature.body_length().map(|signed| (signed, bytes.saturating_sub(signed))) {
        Some((signed, added)) if added > 0 && policy.body_length == BodyLengthPolicy::RefuseAdditions => {
            Err(Cause::BodyAdditions { signed, added })
        }
        _ => Ok(()),
    }
}

/// Fields that the table of RFC 5322 §3.6 and the grammar of RFC 2045 §3 allow once.
const SINGLE_FIELDS: [&str; 16] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-ID",
    "Content-Description",
];

/// In the order of [`SINGLE_FIELDS`].
fn unsigned_additions(picker: &Picker<'_>) -> Vec<&'static str> {
    let single =
        |name: &[u8]| SINGLE_FIELDS.into_iter().position(|field| name.eq_ignore_ascii_case(field.as_bytes()));
    let mut numbers: Vec<_> = picker.left_over().filter_map(single).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(|number| SINGLE_FIELDS.get(number).copied()).collect()
}

/// The fields whose copy in `z=` equals no field of the header, each once.
fn changed_fields(signature: &Signature, header: &Header) -> Vec<String> {
    let copies = signature.copied_fields();
    if copies.is_empty() {
        return Vec::new();
    }
    let key = |name: &[u8], value: &[u8]| (name.to_ascii_lowercase(), words(value));
    // The sender decides how many copies and fields there are, so they are not compared pairwise.
    let fields = header.fields().filter(|field| !field.is_malformed());
    let present: HashSet<_> = fields.map(|field| key(field.name(), field.value())).collect();
    let mut told = HashSet::new();
    let mut changed = Vec::new();
    for (name, value) in copies {
        let plain = name.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-');
        if plain && !present.contains(&key(&name, &value)) && told.insert(name.to_ascii_lowercase()) {
            changed.push(String::from_utf8_lossy(&name).into_owned());
        }
    }
    changed
}

/// The words of a value, separated by one blank: folding changes nothing else.
fn words(value: &[u8]) -> Vec<u8> {
    value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(&b' ')
}
