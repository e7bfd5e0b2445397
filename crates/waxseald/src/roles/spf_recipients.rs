//! Settings of SPF for single recipients, as policyd-spf keeps them in a file.

use super::spf::SpfPolicy;
use crate::{config::of_recipients, settings::PolicySettings};
use std::{collections::HashMap, path::Path};

/// The recipients with settings of their own, by address in lower case.
pub(super) type Recipients = HashMap<String, SpfPolicy>;

/// Reads the file; what differs there is laid over the settings for all.
pub(super) fn load(
    path: &Path,
    all: &PolicySettings,
    host: &str,
    warnings: &mut Vec<String>,
) -> Result<Recipients, Vec<String>> {
    let mut recipients = Recipients::new();
    for (address, settings) in of_recipients(path, all, warnings)? {
        let mut odd = Vec::new();
        let policy = SpfPolicy::load(&settings, host, &mut odd);
        let named = |text: String| format!("{}: {address}: {text}", path.display());
        warnings.extend(odd.into_iter().map(named));
        let policy = policy.map_err(|errors| errors.into_iter().map(named).collect::<Vec<_>>())?;
        recipients.insert(address, policy);
    }
    Ok(recipients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Reject;

    fn loaded(text: &str) -> Result<(SpfPolicy, Vec<String>), Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, text).unwrap();
        let settings = PolicySettings { per_recipient: Some(path), ..PolicySettings::default() };
        let mut warnings = Vec::new();
        Ok((SpfPolicy::load(&settings, "mx.example", &mut warnings)?, warnings))
    }

    #[test]
    fn what_a_recipient_sets_differs_and_the_rest_stays() {
        let text = "# who\nAnn@b.example, HELO_reject=No_Check|Mail_From_reject=Softfail # strict\n\
            ann@b.example,TestOnly=0\nlax@b.example,TestOnly=0|Lookup_Time=3\n";
        let (policy, warnings) = loaded(text).unwrap();
        let (name, ann) = policy.for_recipient("ANN@b.example");
        assert_eq!(
            (name, ann.settings().helo, ann.settings().mail_from),
            ("ann@b.example", Reject::NoCheck, Reject::SoftFail)
        );
        assert!(ann.settings().enforce && !policy.for_recipient("lax@b.example").1.settings().enforce);
        assert_eq!(policy.for_recipient("joe@b.example").0, "");
        assert!(warnings[0].ends_with("users:3: ann@b.example: an earlier line counts"), "{warnings:?}");
        assert!(
            warnings[1].ends_with("users:4: Lookup_Time: skipped, it is the same for all recipients"),
            "{warnings:?}"
        );
    }

    #[test]
    fn mistakes_name_their_line() {
        let error =
            loaded("ann@b.example,HELO_rejects=Fail\nbob@b.example\njoe@b.example,TestOnly\n,TestOnly=0\n")
                .unwrap_err();
        let ends = [
            "users:1: HELO_rejects: unknown option; did you mean HELO_reject?",
            "users:2: bob@b.example: write ADDRESS,NAME=VALUE|NAME=VALUE",
            "users:3: TestOnly: \"\": use a number",
            "users:4: ,TestOnly=0: write ADDRESS,NAME=VALUE|NAME=VALUE",
        ];
        assert!(
            error.len() == 4 && error.iter().zip(ends).all(|(text, end)| text.ends_with(end)),
            "{error:?}"
        );
        let missing = PolicySettings { per_recipient: Some("/nowhere".into()), ..PolicySettings::default() };
        let error = SpfPolicy::load(&missing, "mx.example", &mut Vec::new()).unwrap_err();
        assert_eq!(error, ["/nowhere: No such file or directory (os error 2)"]);
    }
}
