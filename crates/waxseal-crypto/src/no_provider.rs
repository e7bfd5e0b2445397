/// No crypto provider was compiled in and none was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no crypto provider: enable one of the features `ring`, `aws-lc-rs` and `rust-crypto`, or name your own \
     (`with_provider`)"
)]
pub struct NoProvider;
