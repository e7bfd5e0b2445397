//! What to do about a verdict that is not pass.

use waxseal::dkim::{Cause, Selector, Signature, UnacceptableDomain, Verdict};

/// One or two sentences for whoever asks what to do, beside [`Verdict::explain`].
pub(crate) fn hint(verdict: &Verdict) -> Option<String> {
    Some(match verdict.cause()? {
        Cause::BodyHash { header_intact: true, .. } => {
            "The header is intact, only the body was changed: by a footer, a content filter, a mailing list, or \
             another encoding."
                .into()
        }
        Cause::BodyHash { .. } => {
            "Both the body and the signed header fields were changed, or another key signed them.".into()
        }
        Cause::HeaderSignature { changed_fields, .. } if changed_fields.is_empty() => {
            changed_field(verdict.signature()?)
        }
        Cause::Domain(UnacceptableDomain::SingleLabel(_)) => {
            "A top-level domain cannot sign mail. --single-label-domains accepts it, for test networks."
                .into()
        }
        Cause::RsaSha1 => {
            "RFC 8301 forbids rsa-sha1: the signer has to sign with rsa-sha256. --allow-rsa-sha1 checks \
             old archives."
                .into()
        }
        Cause::KeyTooSmall(..) => "The signer needs a key of 2048 bits.".into(),
        Cause::SignedInFuture(..) => "The clock of the signer is ahead, or --now is behind.".into(),
        Cause::Expired(..) => "--now verifies as of another time.".into(),
        Cause::BodyAdditions { .. } => "--body-length accept accepts them, for old archives.".into(),
        cause => return published(cause, verdict),
    })
}

fn changed_field(signature: &Signature) -> String {
    let fields: Vec<_> = signature.signed_fields().map(String::from_utf8_lossy).collect();
    format!(
        "The body is intact. One of the signed fields was changed, or the published key is not that of the signer. \
         Signed are: {}",
        fields.join(" ")
    )
}

/// The same for what is published, or is not.
fn published(cause: &Cause, verdict: &Verdict) -> Option<String> {
    let name = verdict.signature()?.key_name();
    Some(match cause {
        Cause::NoKey if names_a_record(verdict) => {
            "s= must be only the selector: _domainkey and the domain are added to find the key.".into()
        }
        Cause::NoKey => {
            format!("Publish the key record as TXT at {name}, or sign with a selector that has one.")
        }
        Cause::Lookup(_) => format!("The TXT record of {name} could not be looked up: try again later."),
        Cause::SeveralKeys(..) => format!("Leave one key record at {name}."),
        Cause::KeyRecord(_) => {
            format!("No TXT record of {name} is a key record; `waxseal keygen` shows what one looks like.")
        }
        Cause::Revoked => format!("The owner of {name} has withdrawn the key."),
        _ => return None,
    })
}

/// Whether the signer was given the name of the key record for its selector.
fn names_a_record(verdict: &Verdict) -> bool {
    let labels = |selector: &Selector| selector.to_string().split('.').any(|label| label == "_domainkey");
    verdict.selector().is_some_and(labels)
}
