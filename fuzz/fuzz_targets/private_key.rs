//! Private keys, in whatever form they come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_crypto::KeyMaterial;

fuzz_target!(|content: &[u8]| {
    match KeyMaterial::from_bytes(content) {
        Ok(key) => {
            let pem = key.to_pem();
            let again = KeyMaterial::from_pem(pem.as_str().as_bytes()).expect("what was written is read");
            assert_eq!((again.key_type(), again.bits()), (key.key_type(), key.bits()));
            let escaped = pem.as_str().replace('\n', r"\n");
            assert!(KeyMaterial::from_pem(escaped.as_bytes()).is_ok());
        }
        Err(error) => assert!(!error.to_string().contains(['\r', '\n']), "{error}"),
    }
});
