//! Each signature: its verdict, its keys, and what happened to what it signed.

use crate::{
    body_search::{BodyFinding, BodyFindings, BodySearch, MAX_PAIRED, MAX_PASSES, Wanted},
    diagnosis::{Certainty, Diagnosis, Place},
    difference::of_headers,
    explanation::{ExplainedSignature, Hashes},
    head::{Head, is_signature, signature_of},
    header_search::{HeaderSearch, Target, is_list, signs},
    header_undo::Known,
    keys::{Maker, is_revoked, keys, maker, questions},
    mime::{Content, parts},
};
use bytes::Bytes;
use std::time::SystemTime;
use waxseal::{
    crypto::{Digest, PublicKey},
    dkim::{
        Canonicalization, Cause, Selector, Signature, Verdicts, Verifier,
        parts::{self as dkim, BodyForm, BodyHash, FieldIndex},
    },
    dns::{Answers, Pending, Question, Reply},
    header::{Header, TagList, line_ends::to_crlf},
};

/// Signatures that are explained in one message.
const MAX_SIGNATURES: usize = 20;

/// Domains that are asked for the keys of other selectors.
const MAX_DOMAINS: usize = 3;

/// A field that is a signature.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) head: Head,
    pub(crate) instance: Option<u32>,
    pub(crate) signature: Option<Signature>,
    /// The verdict of the report; none for ARC.
    pub(crate) cause: Option<Cause>,
    pub(crate) is_judged: bool,
}

/// The signatures of DKIM, then those of ARC.
pub(crate) fn subjects(header: &Header, verdicts: &Verdicts) -> Vec<Subject> {
    let mut verdicts = verdicts.iter();
    let (mut dkim, mut arc) = (Vec::new(), Vec::new());
    for (number, field) in header.fields().enumerate() {
        let Some(is_arc) = is_signature(field) else { continue };
        let value = header.value_bytes(number).unwrap_or_default();
        let verdict = if is_arc { None } else { verdicts.next() };
        let instance =
            || TagList::parse(&value).ok()?.get("i").and_then(|i| std::str::from_utf8(i).ok()?.parse().ok());
        let subject = Subject {
            head: Head::new(header, number, is_arc),
            instance: if is_arc { instance().or(Some(0)) } else { None },
            // With bare line ends it cannot be read, which is reported.
            signature: signature_of(&value, is_arc)
                .or_else(|| signature_of(&Bytes::from(to_crlf(&value).into_owned()), is_arc)),
            cause: verdict.and_then(|verdict| verdict.cause().cloned()),
            is_judged: verdict.is_some(),
        };
        if is_arc { arc.push(subject) } else { dkim.push(subject) }
    }
    dkim.extend(arc);
    dkim.truncate(MAX_SIGNATURES);
    dkim
}

/// What was found out about the keys of one signature.
pub(crate) struct KeysOf {
    cause: Option<Cause>,
    own: Vec<PublicKey>,
    is_revoked: bool,
    others: Vec<(Question, Vec<PublicKey>)>,
    /// Whether one of their lookups failed.
    is_incomplete: bool,
}

/// What all signatures of a message share.
pub(crate) struct Examiner<'m> {
    verifier: &'m Verifier,
    message: &'m [u8],
    search: BodySearch<'m>,
    inner: Vec<Vec<u8>>,
    /// The hashes of the body as received.
    hashes: Vec<(BodyForm, Vec<u8>)>,
    /// What was found about the body for earlier signatures.
    bodies: Vec<(Wanted, BodyFindings)>,
}

impl<'m> Examiner<'m> {
    pub(crate) fn new(
        verifier: &'m Verifier,
        message: &'m [u8],
        body: &'m [u8],
        subjects: &[Subject],
    ) -> Self {
        let content =
            subjects.first().and_then(|subject| subject.head.header()).map(|header| Content::of(&header));
        let content = content.unwrap_or_default();
        let first = parts(&content, body).into_iter().next().and_then(|part| body.get(part.head));
        let inner = first.and_then(|head| Header::parse(head).ok());
        let inner = inner.map(|(header, _)| header.fields().map(|field| field.raw().to_vec()).collect());
        let search = BodySearch { provider: verifier.provider(), content, body, passes: 0 };
        Self {
            verifier,
            message,
            search,
            inner: inner.unwrap_or_default(),
            hashes: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// Asks for the keys of every signature, and for those of other selectors where it did not pass.
    pub(crate) fn keys(
        &mut self,
        subjects: &[Subject],
        selectors: &[Selector],
        now: SystemTime,
        dns: &mut Answers<'_>,
    ) -> Result<Vec<KeysOf>, Pending> {
        let signatures = || subjects.iter().filter_map(|subject| subject.signature.as_ref());
        dns.ask_all(signatures().map(|signature| Question::txt(signature.key_name().clone())))?;
        let mut selectors = selectors.to_vec();
        for signature in signatures() {
            if !selectors.contains(signature.selector()) {
                selectors.push(signature.selector().clone());
            }
        }
        let mut all = Vec::new();
        let mut domains = Vec::new();
        let mut missing = None;
        for subject in subjects {
            let mut found = self.own_keys(subject, now, dns)?;
            let signature = subject.signature.as_ref();
            if let Some(signature) = signature.filter(|_| self.wants_others(subject, &found)) {
                if !domains.contains(signature.domain()) && domains.len() < MAX_DOMAINS {
                    domains.push(signature.domain().clone());
                }
                if domains.contains(signature.domain()) {
                    let questions = questions(signature, &selectors);
                    match dns.ask_all(questions.iter().cloned()) {
                        Ok(replies) => {
                            found.is_incomplete = replies.iter().any(Result::is_err);
                            found.others = questions.into_iter().zip(replies.iter().map(keys)).collect()
                        }
                        Err(pending) => missing = Some(pending),
                    }
                }
            }
            all.push(found);
        }
        missing.map_or(Ok(all), Err)
    }

    fn own_keys(
        &mut self,
        subject: &Subject,
        now: SystemTime,
        dns: &mut Answers<'_>,
    ) -> Result<KeysOf, Pending> {
        let mut found = KeysOf {
            cause: subject.cause.clone(),
            own: Vec::new(),
            is_revoked: false,
            others: Vec::new(),
            is_incomplete: false,
        };
        let Some(signature) = &subject.signature else { return Ok(found) };
        let reply = dns.ask(Question::txt(signature.key_name().clone()))?;
        found.own = keys(&reply);
        found.is_revoked = is_revoked(&reply);
        if !subject.is_judged {
            found.cause = self.judge(subject, signature, &reply, now).err();
        }
        Ok(found)
    }

    /// The verdict on an ARC-Message-Signature by itself.
    fn judge(
        &mut self,
        subject: &Subject,
        signature: &Signature,
        reply: &Reply,
        now: SystemTime,
    ) -> Result<(), Cause> {
        dkim::admit(self.verifier, signature, now)?;
        let key = dkim::key(self.verifier, signature.key_name(), reply, signature.algorithm())?;
        let found = self.body_hash(signature);
        let digest = Digest::new(&found).ok_or(Cause::NoBodyHash)?;
        let header = subject.head.header().ok_or(Cause::NoBodyHash)?;
        let body = BodyHash::new(digest, self.search.body.len() as u64);
        let message = (&header, &FieldIndex::new(&header), subject.head.own);
        dkim::verify_message(self.verifier, signature, &key, message, &body).map(drop)
    }

    /// Another key may have made the signature when its own does not verify the header.
    fn wants_others(&self, subject: &Subject, found: &KeysOf) -> bool {
        let Some(signature) = subject.signature.as_ref().filter(|_| found.cause.is_some()) else {
            return false;
        };
        let provider = self.verifier.provider();
        let made = |key: &PublicKey| match Target::new(key, signature) {
            Some(Target::Digest(_)) => true,
            Some(target) => target.fits(&subject.head, provider),
            None => false,
        };
        !found.own.iter().any(made)
    }

    /// The hash of the body as received, computed once for each canonicalization and hash.
    fn body_hash(&mut self, signature: &Signature) -> Vec<u8> {
        let form = signature.body_form();
        if let Some((_, found)) = self.hashes.iter().find(|(known, _)| *known == form) {
            return found.clone();
        }
        let found = self.search.hash(self.search.body, &form);
        self.hashes.push((form, found.clone()));
        found
    }

    pub(crate) fn explain(&mut self, subject: &Subject, keys: KeysOf) -> ExplainedSignature {
        let mut explained = ExplainedSignature {
            instance: subject.instance,
            signature: subject.signature.clone(),
            cause: keys.cause.clone(),
            canonical_header: Vec::new(),
            header_hash: Hashes::default(),
            body_hash: Hashes::default(),
            header_difference: None,
            body_difference: None,
            made_by_key: None,
            diagnoses: Vec::new(),
            notes: Vec::new(),
        };
        let Some(signature) = &subject.signature else { return explained };
        explained.canonical_header = subject.head.signed(false).map(|(_, bytes)| bytes).unwrap_or_default();
        explained.header_hash.found = subject.head.digest(self.verifier.provider()).unwrap_or_default();
        explained.body_hash.expected = Some(signature.body_hash().to_vec());
        if explained.is_pass() {
            explained.header_hash.expected = Some(explained.header_hash.found.clone());
            explained.body_hash.found = signature.body_hash().to_vec();
            return explained;
        }
        self.explain_header(subject, signature, &keys, &mut explained);
        self.explain_body(subject, signature, &mut explained);
        explained.diagnoses.sort_by_key(|diagnosis| diagnosis.certainty);
        explained
    }

    fn explain_header(
        &self,
        subject: &Subject,
        signature: &Signature,
        keys: &KeysOf,
        out: &mut ExplainedSignature,
    ) {
        let provider = self.verifier.provider();
        let head = &subject.head;
        let Maker { target, finding } =
            maker((signature, head), &keys.own, keys.is_revoked, &keys.others, provider);
        if finding.is_none() && keys.is_incomplete {
            out.notes.push(
                "the keys of other selectors could not be looked up: one of them may have made the signature",
            );
        }
        if let Some((kind, detail)) = finding {
            tell(out, Diagnosis { kind, certainty: Certainty::Proved, detail: Some(detail), place: None });
        } else if !keys.own.is_empty() {
            out.made_by_key = match &target {
                None => Some(false),
                Some(Target::Digest(_)) => Some(true),
                Some(target) => target.fits(head, provider).then_some(true),
            };
        }
        let Some(target) = target else { return };
        if let Target::Digest(digest) = &target {
            out.header_hash.expected = Some(digest.clone());
        }
        if target.fits(head, provider) {
            out.header_hash.expected = Some(out.header_hash.found.clone());
            return;
        }
        self.explain_fields(head, signature, &target, out);
    }

    /// What changed the header: proved where undoing it makes the hash fit, else likely.
    fn explain_fields(
        &self,
        head: &Head,
        signature: &Signature,
        target: &Target,
        out: &mut ExplainedSignature,
    ) {
        let is_simple = signature.header_canonicalization() == Canonicalization::Simple;
        let known = Known { inner: self.inner.clone(), copied: signature.copied_fields(), is_simple };
        let provider = self.verifier.provider();
        let mut search = HeaderSearch { provider, target, signature, known: &known, tried: 0 };
        let found = search.search(head);
        for undone in &found {
            let place = self.field_place(head, &undone.field);
            let (kind, detail) = (undone.kind, undone.detail.clone());
            tell(out, Diagnosis { kind, certainty: Certainty::Proved, detail, place });
        }
        let signed = found.last().and_then(|undone| undone.head.signed(false));
        out.header_difference = signed.map(|(_, signed)| of_headers(&signed, &out.canonical_header));
        if found.is_empty() {
            for (kind, field) in signs(head) {
                let place = self.field_place(head, field);
                tell(out, Diagnosis { kind, certainty: Certainty::Likely, detail: None, place });
            }
        }
    }

    fn explain_body(&mut self, subject: &Subject, signature: &Signature, out: &mut ExplainedSignature) {
        if let Some(Cause::BodyTooShort { .. }) = &out.cause {
            return;
        }
        let (form, expected) = (signature.body_form(), signature.body_hash().to_vec());
        let hash = self.body_hash(signature);
        let same = |(wanted, _): &&(Wanted, BodyFindings)| wanted.form == form && wanted.expected == expected;
        let found = match self.bodies.iter().find(same) {
            Some((_, found)) => found.clone(),
            None if hash == expected => BodyFindings::default(),
            None => {
                let wanted = Wanted { form, expected: expected.clone() };
                let found = self.search.search(&wanted);
                self.bodies.push((wanted, found.clone()));
                found
            }
        };
        let fits = hash == expected;
        out.body_hash.found = hash;
        if fits {
            return;
        }
        out.body_difference = found.difference;
        if found.all.is_empty() {
            out.notes.extend(
                (self.search.body.len() > MAX_PAIRED)
                    .then_some("two changes at once were not tried: the body is larger than 5 MB"),
            );
            out.notes.extend(
                (self.search.passes >= MAX_PASSES)
                    .then_some("not every change was tried: the limit of hashes was reached"),
            );
            for sign in self.search.signs(is_list(&subject.head)) {
                self.tell_body(sign, Certainty::Likely, out);
            }
        }
        for finding in found.all {
            self.tell_body(finding, Certainty::Proved, out);
        }
    }

    fn tell_body(&self, finding: BodyFinding, certainty: Certainty, out: &mut ExplainedSignature) {
        let start = self.message.len() - self.search.body.len();
        let place = finding.offset.map(|offset| self.place(start + offset, None));
        tell(out, Diagnosis { kind: finding.kind, certainty, detail: finding.detail, place });
    }

    fn field_place(&self, head: &Head, name: &[u8]) -> Option<Place> {
        let number = if name.is_empty() { 0 } else { head.named(name).next()? };
        let offset = head.fields.iter().take(number).map(Vec::len).sum();
        let field = (!name.is_empty()).then(|| head.name(number).escape_ascii().to_string());
        Some(self.place(offset, field))
    }

    fn place(&self, offset: usize, field: Option<String>) -> Place {
        let before = self.message.get(..offset).unwrap_or(self.message);
        Place { offset, line: 1 + memchr::memchr_iter(b'\n', before).count(), field }
    }
}

/// Each kind once; a proved one replaces a likely one.
fn tell(out: &mut ExplainedSignature, diagnosis: Diagnosis) {
    match out.diagnoses.iter_mut().find(|told| told.kind == diagnosis.kind) {
        Some(told) if told.certainty <= diagnosis.certainty => {}
        Some(told) => *told = diagnosis,
        None => out.diagnoses.push(diagnosis),
    }
}
