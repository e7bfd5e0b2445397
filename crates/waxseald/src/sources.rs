//! Where tables come from: the files of this machine, and databases for which a driver is built in.

use std::io;
use waxseal_tables::{Files, Source};

/// All of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources;

impl Source for Sources {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        Files.read(path)
    }

    fn rows(&self, kind: &str, location: &str) -> io::Result<Vec<(String, String)>> {
        match kind {
            "sqlite" => sqlite(location),
            _ => Files.rows(kind, location),
        }
    }
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_: &str) -> io::Result<Vec<(String, String)>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "waxseald was built without its feature sqlite"))
}

/// The rows of `PATH?query=SELECT …`: the first column is the key, all others are the value with colons between them.
#[cfg(feature = "sqlite")]
fn sqlite(location: &str) -> io::Result<Vec<(String, String)>> {
    use rusqlite::{Connection, OpenFlags};
    let Some((path, query)) = location.split_once("?query=") else {
        let text = "write sqlite:PATH?query=SELECT key, value FROM table";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(io::Error::other)?;
    // A writer holds the lock only briefly.
    connection.busy_timeout(std::time::Duration::from_secs(2)).map_err(io::Error::other)?;
    rows(&connection, query).map_err(io::Error::other)
}

#[cfg(feature = "sqlite")]
fn rows(connection: &rusqlite::Connection, query: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(query)?;
    let columns = statement.column_count();
    let (mut found, mut read) = (Vec::new(), statement.query([])?);
    let mut bytes = 0;
    while let Some(row) = read.next()? {
        let mut text = |column| {
            let text: Option<String> = row.get(column)?;
            let text = text.unwrap_or_default();
            bytes += text.len();
            Ok::<_, rusqlite::Error>(text)
        };
        let key = text(0)?;
        let value = (1..columns).map(text).collect::<rusqlite::Result<Vec<_>>>()?;
        found.push((key, value.join(":")));
        // A text over the limit of tables is refused when it is read as one.
        if bytes > waxseal_tables::MAX_TABLE {
            break;
        }
    }
    Ok(found)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use waxseal_tables::{DataSet, KeyTable, SigningTable};

    #[test]
    fn both_tables_from_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db").display().to_string();
        let connection = rusqlite::Connection::open(&path).unwrap();
        let text = "CREATE TABLE keys (name TEXT, domain TEXT, selector TEXT, path TEXT, bits INTEGER);
            CREATE TABLE signing (author TEXT, name TEXT);
            INSERT INTO keys VALUES ('k', 'example.org', 's1', '/keys/s1.private', 2048), (NULL, NULL, NULL, NULL, 0);
            INSERT INTO signing VALUES ('example.org', 'k');";
        connection.execute_batch(text).unwrap();
        let set = |query: &str| DataSet::parse(&format!("sqlite:{path}?query={query}")).unwrap();
        let keys = set("SELECT name, domain, selector, path FROM keys WHERE bits > 0");
        let keys = KeyTable::load(&keys, &Sources).unwrap();
        let signing = SigningTable::load(&set("SELECT author, name FROM signing"), &Sources).unwrap();
        let entry = signing.lookup("joe@Example.org").unwrap().remove(0);
        let key = keys.get(entry.key_name(), "example.org").unwrap();
        assert_eq!((key.domain(), key.selector()), ("example.org", "s1"));
        let cause = |query: &str| {
            let error = SigningTable::load(&set(query), &Sources).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        let said = cause("SELECT missing FROM signing");
        assert!(said.contains("no such column: missing"), "{said}");
        // Read-only: a setting must not change a database.
        let said = cause("DELETE FROM signing");
        assert!(said.contains("readonly database"), "{said}");
    }

    #[test]
    fn what_is_missing_is_said() {
        let cause = |location: &str| Sources.rows("sqlite", location).unwrap_err().to_string();
        assert_eq!(cause("/var/lib/t.db"), "write sqlite:PATH?query=SELECT key, value FROM table");
        assert!(cause("/nowhere/t.db?query=SELECT 1").contains("unable to open database file"));
    }
}

#[cfg(all(test, not(feature = "sqlite")))]
mod tests {
    use super::*;

    #[test]
    fn a_database_without_its_driver_is_said() {
        let cause = |kind: &str| Sources.rows(kind, "x").unwrap_err().to_string();
        assert_eq!(cause("sqlite"), "waxseald was built without its feature sqlite");
        assert_eq!(cause("dsn"), "no driver for dsn: is built in");
    }
}
