//! Which fields are signed (RFC 6376 §5.4).

use crate::SignError;
use std::sync::Arc;
use waxseal_header::Header;

#[doc = include_str!("signed_fields.md")]
pub const DEFAULT_FIELDS: [&str; 32] = [
    "From",
    "Sender",
    "Reply-To",
    "Subject",
    "Date",
    "To",
    "Cc",
    "Message-ID",
    "Resent-Date",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Message-ID",
    "In-Reply-To",
    "References",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Disposition-Notification-To",
    "Autocrypt",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
];

/// The fields that are oversigned (signed once more than they occur in the message) even when they are absent, unless
/// [`Signer::with_oversigned`](crate::Signer::with_oversigned) says otherwise: mail programs show them or act on them,
/// and nobody in transit has a reason to add one. To is left out when the message has neither To nor Cc, since mail
/// servers add it to such messages. The table at [`DEFAULT_FIELDS`] has the reason for each field.
pub const OVERSIGNED_FIELDS: [&str; 10] = [
    "From",
    "Reply-To",
    "Subject",
    "To",
    "Cc",
    "Disposition-Notification-To",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Autocrypt",
    "Content-Disposition",
];

/// The fields that are oversigned only when they are present, since mail servers and mailing lists add them to messages
/// that lack them. The table at [`DEFAULT_FIELDS`] has the reason for each field.
pub const OVERSIGNED_IF_PRESENT: [&str; 10] = [
    "Sender",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// The numbers of [`OVERSIGNED_IF_PRESENT`] in [`DEFAULT_FIELDS`].
const IF_PRESENT: [u32; 10] = [1, 4, 7, 14, 15, 20, 21, 22, 26, 27];

/// To and Cc, one bit for each of the [`DEFAULT_FIELDS`].
const ADDRESSED: u32 = 1 << 5 | 1 << 6;

/// Makes the list for `h=`.
#[derive(Debug, Clone)]
pub(crate) enum SignedFields {
    /// All fields with these names, and one more of some; `None` stands for the constants above.
    Names { names: Option<Arc<[String]>>, oversigned: Option<Arc<[String]>> },
    /// This list.
    Exactly(Arc<[String]>),
}

/// The names for `h=`, and what is known about their fields.
#[derive(Debug)]
pub(crate) struct List<'l> {
    pub(crate) names: Vec<&'l str>,
    /// The fields to sign from top to bottom, one bit for each; `None` when they have to be picked by their names.
    pub(crate) in_order: Option<u64>,
}

impl Default for SignedFields {
    fn default() -> Self {
        Self::Names { names: None, oversigned: None }
    }
}

impl SignedFields {
    pub(crate) fn with_names(self, names: Vec<String>) -> Self {
        let oversigned = match self {
            Self::Names { oversigned, .. } => oversigned,
            Self::Exactly(_) => None,
        };
        Self::Names { names: Some(names.into()), oversigned }
    }

    pub(crate) fn with_oversigned(self, oversigned: Vec<String>) -> Self {
        let oversigned = Some(oversigned.into());
        match self {
            Self::Names { names, .. } => Self::Names { names, oversigned },
            Self::Exactly(_) => Self::Names { names: None, oversigned },
        }
    }

    /// Checks that every name is a field name, and that a given list contains From.
    pub(crate) fn check(&self) -> Result<(), SignError> {
        let legal = |name: &&String| {
            !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':' && c != b';')
        };
        let (names, oversigned) = match self {
            Self::Names { names, oversigned } => {
                (names.as_deref().unwrap_or_default(), oversigned.as_deref())
            }
            Self::Exactly(names) => (&**names, None),
        };
        let mut all = names.iter().chain(oversigned.unwrap_or_default());
        match all.find(|name| !legal(name)) {
            Some(name) => Err(SignError::FieldName(name.clone())),
            None if matches!(self, Self::Exactly(_)) && !has(names, "From") => Err(SignError::FromNotListed),
            None => Ok(()),
        }
    }

    /// The names for `h=`: the fields of the header from top to bottom, spelled as there, then the oversigned ones.
    pub(crate) fn list<'l>(&'l self, header: &'l Header) -> List<'l> {
        let names = match self {
            Self::Names { names: None, oversigned: None } => return default_list(header),
            Self::Names { names, oversigned } => chosen_list(header, names, oversigned),
            Self::Exactly(names) => names.iter().map(String::as_str).collect(),
        };
        List { names, in_order: None }
    }
}

fn chosen_list<'l>(
    header: &'l Header,
    names: &Option<Arc<[String]>>,
    oversigned: &'l Option<Arc<[String]>>,
) -> Vec<&'l str> {
    let wanted = |name: &str| {
        let oversigned = oversigned.as_ref().is_some_and(|oversigned| has(oversigned, name));
        let named = names.as_ref().map_or_else(|| has(&DEFAULT_FIELDS, name), |names| has(names, name));
        named || oversigned || name.eq_ignore_ascii_case("From")
    };
    // Names are ASCII. One with a semicolon is legal in a header and not in h=.
    let present = header.fields().filter_map(|field| std::str::from_utf8(field.name()).ok());
    let mut list: Vec<_> = present.filter(|name| !name.contains(';') && wanted(name)).collect();
    match oversigned {
        Some(oversigned) => list.extend(oversigned.iter().map(String::as_str)),
        None => {
            let addressed = header.fields().any(|field| field.is("To") || field.is("Cc"));
            let lasting = |name: &&str| wanted(name) && (addressed || *name != "To");
            let always = OVERSIGNED_FIELDS.into_iter().filter(lasting);
            let present = OVERSIGNED_IF_PRESENT.into_iter().filter(|name| has(&list, name));
            let more: Vec<_> = always.chain(present).collect();
            list.extend(more);
        }
    }
    list
}

/// The same for the default lists, in one look at each field.
fn default_list(header: &Header) -> List<'_> {
    let mut names = Vec::with_capacity(header.len() + OVERSIGNED_FIELDS.len() + OVERSIGNED_IF_PRESENT.len());
    let (mut present, mut signed, mut repeated) = (0_u32, 0_u64, false);
    for (place, field) in header.fields().enumerate() {
        let Some((number, default)) = default_field(field.name()) else { continue };
        // It nearly always has the usual spelling.
        let usual = field.name() == default.as_bytes();
        let name = if usual { Ok(default) } else { std::str::from_utf8(field.name()) };
        let Ok(name) = name else { continue };
        names.push(name);
        repeated |= present >> number & 1 == 1;
        present |= 1 << number;
        signed |= 1_u64.checked_shl(place as u32).unwrap_or(0);
    }
    let addressed = present & ADDRESSED != 0;
    names.extend(OVERSIGNED_FIELDS.into_iter().filter(|name| addressed || *name != "To"));
    let numbered = OVERSIGNED_IF_PRESENT.into_iter().zip(IF_PRESENT);
    names.extend(numbered.filter(|(_, number)| present >> number & 1 == 1).map(|(name, _)| name));
    // Of several fields with the same name, the lowest is signed first (RFC 6376 §5.4.2).
    let in_order = !repeated && header.len() <= u64::BITS as usize;
    List { names, in_order: in_order.then_some(signed) }
}

/// The name and its number in [`DEFAULT_FIELDS`].
fn default_field(name: &[u8]) -> Option<(u32, &'static str)> {
    let mut left = *DEFAULT_OF_LENGTH.get(name.len())?;
    let first = name.first()?.to_ascii_lowercase();
    while let Some(number) = left.checked_ilog2() {
        let field = DEFAULT_FIELDS.get(number as usize)?;
        let same_first = field.as_bytes().first().is_some_and(|c| c.to_ascii_lowercase() == first);
        if same_first && (name == field.as_bytes() || name.eq_ignore_ascii_case(field.as_bytes())) {
            return Some((number, field));
        }
        left &= !(1 << number);
    }
    None
}

/// For each length, the [`DEFAULT_FIELDS`] of this length, one bit for each.
const DEFAULT_OF_LENGTH: [u32; 28] = {
    let mut of_length = [0; 28];
    let mut number = 0;
    while number < DEFAULT_FIELDS.len() {
        #[expect(clippy::indexing_slicing, reason = "constant evaluation; a longer name does not compile")]
        {
            of_length[DEFAULT_FIELDS[number].len()] |= 1 << number;
        }
        number += 1;
    }
    of_length
};

fn has(names: &[impl AsRef<str>], name: &str) -> bool {
    names.iter().any(|other| other.as_ref().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_default_field_is_found_and_no_other() {
        for (number, name) in (0..).zip(DEFAULT_FIELDS) {
            assert_eq!(default_field(name.as_bytes()), Some((number, name)), "{name}");
            assert_eq!(default_field(name.to_uppercase().as_bytes()), Some((number, name)), "{name}");
        }
        let number = |name: &str| default_field(name.as_bytes()).map(|(number, _)| number);
        assert_eq!(OVERSIGNED_IF_PRESENT.map(number), IF_PRESENT.map(Some));
        assert_eq!(
            ["To", "Cc"].into_iter().filter_map(number).fold(0, |bits, bit| bits | 1 << bit),
            ADDRESSED
        );
        for name in ["", "X", "Froms", "Cd", &"x".repeat(27), &"x".repeat(99)] {
            assert_eq!(default_field(name.as_bytes()), None, "{name}");
        }
    }

    proptest! {
        /// Signing from top to bottom signs the fields that are picked by their names.
        #[test]
        fn fields_in_order_are_those_that_are_picked(
            names in proptest::collection::vec(
                prop_oneof![proptest::sample::select(&DEFAULT_FIELDS[..]).prop_map(str::to_owned), "[A-Za-z;]{1,6}"],
                0..70,
            ),
        ) {
            let text: String = names.iter().map(|name| format!("{name}: x\r\n")).collect();
            let (header, _) = Header::parse(text.as_bytes()).unwrap();
            let list = SignedFields::default();
            let list = list.list(&header);
            let index = crate::picker::FieldIndex::new(&header);
            let mut picker = index.picker(&header);
            let picked: Vec<_> = list.names.iter().filter_map(|name| picker.pick(name.as_bytes())).collect();
            let fields: Vec<_> = header.fields().filter(|field| default_field(field.name()).is_some()).collect();
            let mut once: Vec<_> = fields.iter().map(|field| field.name().to_ascii_lowercase()).collect();
            once.sort();
            once.dedup();
            prop_assert_eq!(list.in_order.is_some(), once.len() == fields.len() && header.len() <= 64);
            if let Some(bits) = list.in_order {
                prop_assert_eq!(bits.count_ones() as usize, fields.len());
                prop_assert!(picked.iter().map(|field| field.raw().as_ptr()).eq(fields.iter().map(|field| field.raw().as_ptr())));
                prop_assert!((0..header.len()).filter(|at| bits >> at & 1 == 1).filter_map(|at| header.field(at)).eq(picked));
            }
        }

        /// Names that are looked up one by one, as those are that a signer chooses, make the same list.
        #[test]
        fn the_default_list_is_that_of_the_default_names(
            names in proptest::collection::vec(
                prop_oneof![proptest::sample::select(&DEFAULT_FIELDS[..]).prop_map(str::to_owned), "[A-Za-z;]{1,6}"],
                0..30,
            ),
            upper in any::<bool>(),
        ) {
            let text: String = names.iter().map(|name| format!("{name}: x\r\n")).collect();
            let text = if upper { text.to_uppercase() } else { text };
            let (header, _) = Header::parse(text.as_bytes()).unwrap();
            let named = SignedFields::default().with_names(DEFAULT_FIELDS.map(str::to_owned).to_vec());
            let default = SignedFields::default();
            prop_assert_eq!(default.list(&header).names, named.list(&header).names);
        }
    }
}
