//! The key that signs updates (TSIG, RFC 8945), from the files that tsig-keygen of BIND and keymgr of Knot write.

use crate::exit::Failure;
use base64::{Engine, prelude::BASE64_STANDARD};
use hickory_proto::rr::{Name, TSigner, rdata::tsig::TsigAlgorithm};
use std::{fs, path::Path, str::FromStr};
use zeroize::Zeroizing;

/// The seconds that the clocks may differ by.
const FUDGE: u16 = 300;

/// Reads the key. Its secret is in no error.
pub(super) fn read(path: &Path) -> Result<TSigner, Failure> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::file("read", path, &error))?;
    let invalid = |problem: &str| Failure::new(format!("{}: {problem}", path.display()));
    let no_key = "not a TSIG key: write key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; }; as tsig-keygen does, or \
                  hmac-sha256:NAME:BASE64";
    let (name, algorithm, secret) = parts(&text).ok_or_else(|| invalid(no_key))?;
    let secret = BASE64_STANDARD.decode(secret).map_err(|_| invalid("the secret is not base64"))?;
    let name = Name::from_str(name).map_err(|_| invalid("the name of the key is not a domain name"))?;
    let algorithm = match &*algorithm.to_ascii_lowercase() {
        "hmac-sha256" => TsigAlgorithm::HmacSha256,
        "hmac-sha384" => TsigAlgorithm::HmacSha384,
        "hmac-sha512" => TsigAlgorithm::HmacSha512,
        _ => return Err(invalid("the algorithm is not hmac-sha256, hmac-sha384 or hmac-sha512")),
    };
    TSigner::new(secret, algorithm, name, FUDGE).map_err(|error| Failure::because(path.display(), &error))
}

/// Name, algorithm and secret.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let is_text = |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(is_text).collect();
    if let [line] = lines.as_slice()
        && let [algorithm, name, secret] = line.split(':').collect::<Vec<_>>().as_slice()
    {
        return Some((name, algorithm, secret));
    }
    let words: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split(|c: char| c.is_ascii_whitespace() || "{};\"".contains(c)))
        .filter(|word| !word.is_empty())
        .collect();
    let behind = |name: &str| {
        let at = words.iter().position(|word| word.trim_end_matches(':') == name)?;
        words.get(at + 1).copied()
    };
    Some((behind("id").or_else(|| behind("key"))?, behind("algorithm")?, behind("secret")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_bind_and_knot_are_read() {
        let expected = Some(("update", "hmac-sha256", "c2VjcmV0"));
        for text in [
            "key \"update\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n",
            "// ours\nkey update { algorithm hmac-sha256; secret c2VjcmV0; };",
            "# hmac-sha256:update:c2VjcmV0\nkey:\n  - id: update\n    algorithm: hmac-sha256\n    secret: c2VjcmV0\n",
            "hmac-sha256:update:c2VjcmV0\n",
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        for text in
            ["", "c2VjcmV0", "key \"update\" { secret \"c2VjcmV0\"; };", "-----BEGIN PRIVATE KEY-----\nabc\n"]
        {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
