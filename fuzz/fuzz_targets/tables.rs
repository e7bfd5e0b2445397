//! Tables of OpenDKIM: any bytes are a table, lookups by index and one by one agree, a path stays in its folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_tables::{DataSet, Form, HostList, KeyData, KeyTable, Lifecycle, SigningTable, Table};

fuzz_target!(|input: (u8, &[u8], &str, &str)| {
    let (form, text, user, host) = input;
    let form = [Form::File, Form::Refile, Form::List][usize::from(form) % 3];
    if let Ok(set) = DataSet::parse(user) {
        assert_eq!(DataSet::parse(&set.to_string()), Ok(set));
    }
    if let Ok(keys) = KeyTable::from_bytes(form, text) {
        for entry in keys.iter() {
            let Ok(key) = keys.get(entry.name(), host) else { continue };
            if let (KeyData::File(path), KeyData::File(template)) = (key.data(), entry.data()) {
                let leaves = |path: &str| path.split('/').any(|part| part == "..");
                assert!(leaves(template) || !leaves(path));
            }
        }
    }
    if let Ok(signing) = SigningTable::from_bytes(form, text) {
        let address = format!("{user}@{host}");
        if let Ok(found) = signing.lookup(&address) {
            assert!(!found.is_empty());
            assert!(form != Form::Refile || found.windows(2).all(|two| two[0].line() < two[1].line()));
        }
        signing.nearest(&address);
    }
    if let Ok(hosts) = HostList::from_bytes(form, text) {
        hosts.lookup(Some(host), user.parse().ok());
    }
    if let Ok(table) = Table::from_bytes(form, text) {
        for entry in table.iter() {
            assert!(form == Form::Refile || entry.key().len() > 1024 || table.get(entry.key()).is_some());
        }
    }
    if let Ok(life) = user.parse::<Lifecycle>() {
        assert_eq!(life.to_string().parse(), Ok(life));
    }
});
