//! Replacing bytes.

/// The text with every `from` replaced by `to`.
pub(crate) fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let longer = match to.len() > from.len() {
        true => memchr::memmem::find_iter(text, from).count() * (to.len() - from.len()),
        false => 0,
    };
    let mut out = Vec::with_capacity(text.len() + longer);
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(text.get(done..at).unwrap_or_default());
        out.extend_from_slice(to);
        done = at + from.len();
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    out
}
