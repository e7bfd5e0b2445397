//! From a message to its explanation.

use crate::{
    examine::{Examiner, Subject, subjects},
    explanation::Explanation,
    keys::COMMON,
    mime::{Content, parts},
};
use std::time::SystemTime;
use waxseal::{
    Authenticator, Envelope, InboundCheck, Report,
    crypto::{NoProvider, Provider, default_provider},
    dkim::{Policy, Selector, Verifier},
    dns::{Answers, Check, Pending, ResolveBlocking, drive_blocking},
    header::Header,
};

/// Explains messages. Cheap to clone.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Envelope, Signer, Zone, crypto::PrivateKey, dkim::KeyRecord};
/// use waxseal_explain::{Explainer, Kind};
///
/// let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?; // the key of RFC 8463 appendix A.2
/// let record = KeyRecord::new(key.public_key().clone());
/// let zone = Zone::new().with_txt("2026a._domainkey.example.org", record.to_string())?;
/// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
/// let signed = Signer::new("example.org", "2026a", key)?.sign_message(message, SystemTime::now())?;
///
/// // A list puts its name into Subject.
/// let relayed = String::from_utf8(signed)?.replace("Subject: lunch", "Subject: [food] lunch");
/// let explainer = Explainer::new()?;
/// let why = explainer.explain_blocking(&Envelope::unknown(), relayed.as_bytes(), SystemTime::now(), &zone);
/// let diagnosis = why.diagnoses().next().ok_or("no diagnosis")?;
/// assert_eq!(diagnosis.kind(), Kind::SubjectTag);
/// assert!(diagnosis.is_proved()); // without the tag, the signature verifies
/// assert!(diagnosis.to_string().starts_with("subject-tag (proved): a tag was put into Subject: [food]"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Explainer {
    authenticator: Authenticator,
    verifier: Verifier,
    selectors: Vec<Selector>,
    attached: bool,
}

impl Explainer {
    /// An explainer with the [default crypto provider](default_provider).
    ///
    /// # Errors
    /// [`NoProvider`] when no crypto provider was compiled in.
    pub fn new() -> Result<Self, NoProvider> {
        Ok(Self::with_provider(default_provider()?))
    }

    /// An explainer with this crypto provider.
    pub fn with_provider(provider: &'static dyn Provider) -> Self {
        let verifier = Verifier::with_provider(Policy::default(), provider);
        let authenticator = Authenticator::with_provider("localhost", provider).with_dkim(verifier.clone());
        Self {
            authenticator: authenticator.with_arc(Default::default()).with_spf_trace(true),
            verifier,
            selectors: COMMON.into_iter().filter_map(|name| name.parse().ok()).collect(),
            attached: false,
        }
    }

    /// Checks with this authenticator, which should validate ARC and trace SPF (default: one with default settings that
    /// does both).
    pub fn with_authenticator(self, authenticator: Authenticator) -> Self {
        Self { authenticator, ..self }
    }

    /// Further selectors at which the key of a failing signature is searched (default: twelve common names; at most
    /// 20). The selectors of the other signatures are always tried.
    pub fn with_selectors(self, selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self { selectors: selectors.into_iter().take(MAX_SELECTORS).collect(), ..self }
    }

    /// Whether attached messages are explained, too (default: no); at most ten.
    pub fn with_attached(self, attached: bool) -> Self {
        Self { attached, ..self }
    }

    /// Explains a whole message with a blocking resolver. `now` is compared with `t=` and `x=` of signatures. Pass
    /// [`Envelope::unknown`] if the envelope is unknown.
    pub fn explain_blocking(
        &self,
        envelope: &Envelope,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl ResolveBlocking + ?Sized),
    ) -> Explanation {
        drive_blocking(self.check(envelope, message, now), resolver)
    }

    /// The check of a whole message, to be driven by the caller, for example with the answers of
    /// [`Evidence`](waxseal::Evidence).
    pub fn check<'m>(&self, envelope: &Envelope, message: &'m [u8], now: SystemTime) -> ExplainCheck<'m> {
        let attached = if self.attached { self.attached_to(message, now) } else { Vec::new() };
        ExplainCheck {
            explainer: self.clone(),
            message,
            now,
            inbound: self.authenticator.inbound(envelope, message, now),
            attached,
            report: None,
        }
    }

    /// The checks of the messages in parts of type message/rfc822.
    fn attached_to<'m>(&self, message: &'m [u8], now: SystemTime) -> Vec<ExplainCheck<'m>> {
        let Ok((header, body)) = Header::parse(message) else { return Vec::new() };
        let inner = parts(&Content::of(&header), body).into_iter().filter(|part| {
            let plain = matches!(part.content.encoding.as_slice(), b"" | b"7bit" | b"8bit" | b"binary");
            plain && matches!(part.content.media_type.as_slice(), b"message/rfc822" | b"message/global")
        });
        let one = Self { attached: false, ..self.clone() };
        let inner = inner.take(MAX_ATTACHED).filter_map(|part| body.get(part.body));
        inner.map(|message| one.check(&Envelope::unknown(), message, now)).collect()
    }
}

const MAX_SELECTORS: usize = 20;
const MAX_ATTACHED: usize = 10;

/// The check that looks up what an explanation needs; its output is the [`Explanation`].
#[derive(Debug)]
pub struct ExplainCheck<'m> {
    explainer: Explainer,
    message: &'m [u8],
    now: SystemTime,
    inbound: InboundCheck,
    attached: Vec<ExplainCheck<'m>>,
    report: Option<Report>,
}

impl Check for ExplainCheck<'_> {
    type Output = Explanation;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Explanation, Pending> {
        // All ask their questions before a missing answer ends the run.
        let attached: Vec<_> = self.attached.iter_mut().map(|check| check.run(dns)).collect();
        let report = match &self.report {
            Some(report) => report.clone(),
            None => self.report.insert(self.inbound.run(dns)?).clone(),
        };
        let (subjects, body): (Vec<Subject>, &[u8]) = match Header::parse(self.message) {
            Ok((header, body)) => (subjects(&header, report.dkim()), body),
            Err(_) => (Vec::new(), &[]),
        };
        let verifier = &self.explainer.verifier;
        let mut examiner = Examiner::new(verifier, self.message, body, &subjects);
        let keys = examiner.keys(&subjects, &self.explainer.selectors, self.now, dns)?;
        let attached = attached.into_iter().collect::<Result<_, _>>()?;
        let signatures =
            subjects.iter().zip(keys).map(|(subject, keys)| examiner.explain(subject, keys)).collect();
        let has =
            |name: &str| report.header().is_ok_and(|header| header.fields().any(|field| field.is(name)));
        let unchecked_fields =
            ["DKIM2-Signature", "Message-Instance"].into_iter().filter(|name| has(name)).collect();
        Ok(Explanation { report, signatures, unchecked_fields, attached })
    }
}
