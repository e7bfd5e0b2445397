/// An Ed25519 key, as PKCS#8.
pub const ED25519: &[u8] = include_bytes!("../keys/ed25519.pem");
/// An RSA key of 512 bits, which every verifier refuses.
pub const RSA512: &[u8] = include_bytes!("../keys/rsa512.pem");
/// An RSA key of 1024 bits, which ring does not sign with.
pub const RSA1024: &[u8] = include_bytes!("../keys/rsa1024.pem");
/// An RSA key of 2048 bits, the usual size.
pub const RSA2048: &[u8] = include_bytes!("../keys/rsa2048.pem");
/// An RSA key of 4096 bits.
pub const RSA4096: &[u8] = include_bytes!("../keys/rsa4096.pem");
