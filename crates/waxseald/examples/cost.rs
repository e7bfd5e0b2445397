//! What a message cannot do without, for the table of `tests/postfix/speed.py`: one RSA signature by the provider in use, and one
//! look-up in a SigningTable. `cost KEY.private [SIGNING_TABLE]` prints microseconds of processor time, medians of rounds.

use std::{error::Error, fs, hint::black_box};
use waxseal::{
    PrivateKey,
    crypto::{SigningInput, SigningKey, default_provider},
};
use waxseal_tables::{DataSet, Files, SigningTable};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let key = args.next().ok_or("a key file")?;
    let (key, provider) = (PrivateKey::from_pem_file(key)?, default_provider()?);
    println!(
        "signature {:.1}",
        median(200, |_| {
            black_box(key.sign(&SigningInput::new(b"d=example.org; bh=", provider)).is_ok());
        })
    );
    if let Some(path) = args.next() {
        let table = SigningTable::load(&DataSet::parse(&path)?, &Files)?;
        let names: Vec<_> = (0..1_000).map(|n| format!("joe@d{}.example", n * 97 % 100_000)).collect();
        let look_up = |n: usize| {
            let name = names.get(n % names.len()).map_or("", String::as_str);
            black_box(table.lookup(name).is_ok_and(|entries| !entries.is_empty()));
        };
        println!("lookup {:.3}", median(20_000, look_up));
    }
    Ok(())
}

/// Microseconds of one turn: the median of nine rounds.
fn median(turns: usize, turn: impl Fn(usize)) -> f64 {
    let mut rounds: Vec<_> = (0..9)
        .map(|_| {
            let begin = processor_time();
            (0..turns).for_each(&turn);
            (processor_time() - begin) / turns as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(4).copied().unwrap_or_default()
}

/// Microseconds that this thread has run, whatever else the machine does.
fn processor_time() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).unwrap_or_default() / 1e3
}
