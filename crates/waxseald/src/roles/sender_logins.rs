//! Who may send as whom. Without this check, a server that signs for several customers lets each send in the name of the others
//! (CERT VU#244112).

use crate::{hosts::Words, settings::LoginAction};
use waxseal::header::{Address, Authors};

/// The table: an address, or `@` and a domain, and the logins that may send as it.
#[derive(Debug)]
pub(crate) struct SenderLogins {
    table: Words,
    pub(crate) action: LoginAction,
}

impl SenderLogins {
    pub(crate) fn load(table: &str, action: LoginAction, warnings: &mut Vec<String>) -> Result<Self, String> {
        Ok(Self { table: Words::load("SenderLogins", table, warnings)?, action })
    }

    /// The login of who is authenticated; one that the mail server does not name is nobody in the table.
    pub(crate) fn login(macros: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        macros("{auth_authen}").or_else(|| macros("{auth_type}").map(|_| String::new()))
    }

    /// Why the login may not send as these authors, if so. Nobody may use an address without an entry.
    pub(crate) fn objection(&self, login: &str, authors: &Authors) -> Option<String> {
        let foreign = authors.addresses().iter().find(|address| !self.allows(login, address))?;
        Some(format!("login '{login}' may not write as {foreign} (SenderLogins)"))
    }

    fn allows(&self, login: &str, address: &Address) -> bool {
        let (address, domain) = (address.to_string().to_lowercase(), address.domain().to_lowercase());
        let logins = self.table.get(&address).or_else(|| self.table.get(&format!("@{domain}")));
        let mut logins = logins.unwrap_or_default().split([',', ' ', '\t']);
        logins.any(|known| known == login || known == "*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(table: &str, login: &str, from: &str) -> Option<String> {
        let logins = SenderLogins::load(table, LoginAction::Warn, &mut Vec::new()).unwrap();
        logins.objection(login, &Authors::parse(from.as_bytes()).unwrap())
    }

    #[test]
    fn a_login_writes_as_its_addresses_and_domains_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logins");
        std::fs::write(&path, "joe@a.example joe\n*@a.example ann, bob\n*@b.example *\n").unwrap();
        let table = format!("refile:{}", path.display());
        assert_eq!(objection(&table, "joe", "Joe <Joe@A.example>"), None);
        assert_eq!(objection(&table, "bob", "eve@a.example"), None);
        assert_eq!(objection(&table, "anybody", "x@b.example"), None);
        let text = "login 'joe' may not write as eve@a.example (SenderLogins)";
        assert_eq!(objection(&table, "joe", "eve@a.example").as_deref(), Some(text));
        // The first entry that matches counts, and an address without one is nobody's.
        assert!(objection(&table, "ann", "joe@a.example").is_some());
        assert!(objection(&table, "joe", "joe@other.example").is_some());
        assert!(objection(&table, "joe", "joe@a.example, eve@a.example").is_some());
    }

    #[test]
    fn who_is_authenticated_without_a_login_is_nobody() {
        let login = |known: &'static [(&str, &str)]| {
            let value = |name: &str| {
                known.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
            };
            SenderLogins::login(&value)
        };
        assert_eq!(login(&[("{auth_type}", "PLAIN"), ("{auth_authen}", "joe")]).as_deref(), Some("joe"));
        assert_eq!(login(&[("{auth_type}", "PLAIN")]).as_deref(), Some(""));
        assert_eq!(login(&[]), None, "not authenticated, not checked");
        let table = "csl:joe@a.example=joe,x@b.example=*";
        assert!(objection(table, "", "joe@a.example").is_some());
        assert_eq!(objection(table, "", "x@b.example"), None);
    }

    #[test]
    fn a_table_of_exact_keys_has_addresses_and_at_domains() {
        let table = "csl:joe@a.example=joe,@b.example=ann";
        assert_eq!(objection(table, "joe", "joe@a.example"), None);
        assert_eq!(objection(table, "ann", "x@b.example"), None);
        assert!(objection(table, "ann", "joe@a.example").is_some());
    }
}
