//! The file beside a key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use waxseal_tables::{InvalidLifecycle, InvalidTransition, KeyState, Lifecycle};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_life_is_written_and_read_again() {
    let mut life = Lifecycle::new(KeyState::Pending, at(100)).with_fingerprint("sha256:ab\ncd");
    life.advance(KeyState::Published, at(200)).unwrap();
    life.advance(KeyState::Retired, at(300)).unwrap();
    let text = life.to_string();
    assert_eq!(text, "state=retired\npending=100\nfingerprint=sha256:abcd\npublished=200\nretired=300\n");
    let read: Lifecycle = text.parse().unwrap();
    assert_eq!(read, life);
    assert_eq!((read.state(), read.since(KeyState::Published)), (KeyState::Retired, Some(at(200))));
    assert_eq!((read.since(KeyState::Active), read.fingerprint()), (None, Some("sha256:abcd")));
    assert_eq!((read.selector(), read.domain()), (None, None));
    let named = read.with_name("s1", "example.org\nstate=active");
    assert_eq!((named.selector(), named.domain()), (Some("s1"), Some("example.orgstate=active")));
    assert_eq!(named.to_string().parse(), Ok(named));
}

#[test]
fn a_key_does_not_go_back() {
    let mut life = Lifecycle::new(KeyState::Retired, at(1));
    let before = life.clone();
    for to in [KeyState::Pending, KeyState::Active, KeyState::Retired] {
        assert_eq!(life.advance(to, at(2)), Err(InvalidTransition { from: KeyState::Retired, to }));
    }
    assert_eq!(life, before);
}

#[test]
fn lines_of_a_later_version_and_comments_are_kept() {
    let text = "# ours\r\nstate = active\n\nnext=s2 # no comment here\nodd\n#state=revoked\n";
    let mut life: Lifecycle = text.parse().unwrap();
    assert!(life.state().signs());
    life.advance(KeyState::Revoked, at(7)).unwrap();
    assert_eq!(
        life.to_string(),
        "# ours\nstate=revoked\n\nnext=s2 # no comment here\nodd\n#state=revoked\nrevoked=7\n"
    );
}

#[test]
fn a_file_that_is_ambiguous_is_refused() {
    let read = |text: &str| text.parse::<Lifecycle>().map(|life| life.state());
    assert_eq!(read(""), Err(InvalidLifecycle::NoState));
    assert_eq!(read("state=active\nstate=revoked\n"), Err(InvalidLifecycle::Duplicate(2)));
    assert_eq!(read("active=1\nstate=active\nactive=2\n"), Err(InvalidLifecycle::Duplicate(3)));
    assert_eq!(read("state=aktiv\n"), Err(InvalidLifecycle::UnknownState { line: 1, word: "aktiv".into() }));
    assert_eq!(read("state=active\nactive=yesterday\n"), Err(InvalidLifecycle::Date(2)));
    assert_eq!(read("state=active\nactive=99999999999999999999\n"), Err(InvalidLifecycle::Date(2)));
    assert_eq!(read(&"x".repeat(65_537)), Err(InvalidLifecycle::TooLong));
}
