//! Prints the table of speed and memory: `cargo run --release -p waxseal-benches --bin table`.
//!
//! Every ratio is to the floor of the same run (module `floor` of this package says what that is, and why there are two),
//! the median of many rounds, with the quartiles in brackets; times are processor time. `reach` is what is aimed at. Memory is what one operation
//! holds at most besides the message, which lies in the caller's buffer.
//!
//! With the `waxseal` command built before (`cargo build --release -p waxseal-cli`), the last line is its resident
//! memory while it verifies 1 GB from standard input.

use std::{
    hint::black_box,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use waxseal_benches::{
    Error,
    corpus::{self, Hostile},
    jobs::{Corpus, Job, MEGABYTE, jobs},
    lab::{Lab, Which, now},
    mails::{self, Class},
    spf,
    timing::{Spread, Times},
};
use waxseal_crypto::{HashAlgorithm, PrivateKey, SigningKey, ring};
use waxseal_dkim::{
    Canonicalization, Signing,
    parts::{BodyForm, BodyHasher},
};
use waxseal_header::Header;

fn main() -> Result<(), Error> {
    let corpus = Corpus::new()?;
    println!("{}\n", processor());
    jobs_table(&corpus)?;
    mails_table(&corpus.lab)?;
    spf_table()?;
    header_table(&corpus)?;
    hostile_table()?;
    allocations_table()?;
    command_line(&corpus.lab)
}

fn jobs_table(corpus: &Corpus) -> Result<(), Error> {
    println!(
        "| job | floor µs | ring | aws-lc-rs | bare aws-lc-rs | ring to the whole-message floor | reach | aws-lc-rs to it | reach |"
    );
    println!("|---|---:|---|---|---:|---|---:|---|---:|");
    for job in jobs(corpus)? {
        let Job { name, reach, reach_aws, mut floor, mut whole, mut bare_aws, mut ring, mut aws } = job;
        let times = Times::measure(&mut [&mut *floor, &mut *ring, &mut *aws, &mut *whole, &mut *bare_aws])
            .map_err(|error| format!("{name}: {error}"))?;
        println!(
            "| {name} | {:.2} | {} | {} | {:.3} | {} | {} | {} | {} |",
            times.nanos(0).median / 1e3,
            ratio(times.ratio(1, 0)),
            ratio(times.ratio(2, 0)),
            times.ratio(4, 0).median,
            ratio(times.ratio(1, 3)),
            limit(reach),
            ratio(times.ratio(2, 3)),
            limit(reach_aws),
        );
    }
    Ok(())
}

/// What it is called, and those of its instructions on which the numbers hang most.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |names: &[&str]| {
        let line = info.lines().find(|line| names.iter().any(|name| line.starts_with(name)))?;
        line.split_once(": ").map(|(_, value)| value.to_owned())
    };
    let flags = value(&["flags", "Features"]).unwrap_or_default();
    let has = |flag: &str| if flags.split(' ').any(|known| known == flag) { "yes" } else { "no" };
    let name = value(&["model name"]).unwrap_or_else(|| "unknown".into());
    let (sha, ifma) = (if has("sha2") == "yes" { "yes" } else { has("sha_ni") }, has("avx512ifma"));
    format!("Processor: {name}; SHA-256 instructions: {sha}; AVX-512 IFMA: {ifma}")
}

fn mails_table(lab: &Lab) -> Result<(), Error> {
    println!(
        "\n| 3,000 MIME mails (reach, below 4 KB) | mails | floor µs | DKIM, ring | DKIM, aws-lc-rs | inbound (1.32) | inbound, blocking (1.35) |"
    );
    println!("|---|---:|---:|---|---|---|---|");
    for Class { name, count, floor, ratios } in mails::classes(lab)? {
        let [ring, aws, all, blocking] = ratios.map(ratio);
        println!("| {name} | {count} | {:.1} | {ring} | {aws} | {all} | {blocking} |", floor.median / 1e3);
    }
    Ok(())
}

/// Five lookups, every answer at hand.
fn spf_table() -> Result<(), Error> {
    let scenarios = spf::scenarios();
    let zone = scenarios.iter().find(|s| s.name.starts_with("five lookups")).ok_or("no scenario")?.zone()?;
    let times = Times::measure(&mut [
        &mut || spf::check(&zone).is_some_and(|verdict| verdict.is_pass()),
        &mut || spf::check_blocking(&zone).is_pass(),
    ])?;
    println!("\n| SPF, five lookups | µs |\n|---|---:|");
    for (job, name) in ["async", "blocking"].into_iter().enumerate() {
        println!("| {name} | {:.2} |", times.nanos(job).median / 1e3);
    }
    Ok(())
}

fn ratio(spread: Spread) -> String {
    format!("{:.3} ({:.3}–{:.3})", spread.median, spread.low, spread.high)
}

fn limit(reach: Option<f64>) -> String {
    reach.map_or(String::new(), |reach| format!("≤ {reach:.2}"))
}

fn header_table(corpus: &Corpus) -> Result<(), Error> {
    let (letter, signed) = (corpus.letter.unsigned(), corpus.letter.message.as_slice());
    let parse = |message: &[u8]| Header::parse(message).is_ok_and(|(header, _)| black_box(header).len() > 15);
    let times = Times::measure(&mut [&mut || parse(letter), &mut || parse(signed)])?;
    // The goal is half of what mail-auth takes for its own parse, which the peers print.
    println!("\n| header parse | ns |\n|---|---|");
    for (number, name) in [(0, "2 KB"), (1, "2 KB with its DKIM-Signature")] {
        let Spread { low, median, high } = times.nanos(number);
        println!("| {name} | {median:.0} ({low:.0}–{high:.0}) |");
    }
    Ok(())
}

/// MB/s over 16 MB; and the time of 16 MB by that of 4 MB, which is 4 when time grows as the body does.
fn hostile_table() -> Result<(), Error> {
    println!("\n| hostile body, 16 MB | relaxed MB/s | simple MB/s | reach | relaxed, 16 MB : 4 MB |");
    println!("|---|---:|---:|---:|---:|");
    for hostile in Hostile::ALL {
        let (body, quarter) = (hostile.body(16 * MEGABYTE), hostile.body(4 * MEGABYTE));
        let times = Times::measure(&mut [
            &mut || hash_body(Canonicalization::Relaxed, &body),
            &mut || hash_body(Canonicalization::Simple, &body),
            &mut || hash_body(Canonicalization::Relaxed, &quarter),
        ])?;
        let speed = |job| body.len() as f64 * 1e3 / times.nanos(job).median;
        println!(
            "| {} | {:.0} | {:.0} | ≥ 300 | {:.2} |",
            hostile.name(),
            speed(0),
            speed(1),
            times.ratio(0, 2).median,
        );
    }
    Ok(())
}

fn hash_body(form: Canonicalization, body: &[u8]) -> bool {
    let mut hasher = BodyHasher::new(ring::PROVIDER);
    let form = BodyForm { canonicalization: form, hash: HashAlgorithm::Sha256, length: None };
    hasher.want(form);
    hasher.push(body);
    hasher.finish().get(&form).is_some()
}

/// Built and run by the cargo that runs this.
fn allocations_table() -> Result<(), Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["run", "--quiet", "--release", "--package", "waxseal-benches", "--bin", "allocations"];
    let output = Command::new(cargo).args(arguments).stderr(Stdio::inherit()).output()?;
    println!("\n| memory of one operation (ring) | allocations | octets allocated | octets held at most |");
    println!("|---|---:|---:|---:|");
    for line in String::from_utf8(output.stdout)?.lines() {
        println!("| {} |", line.replace('\t', " | "));
    }
    Ok(())
}

/// `waxseal verify` of 1 GB on standard input.
fn command_line(lab: &Lab) -> Result<(), Error> {
    let Some(command) = command() else {
        println!(
            "\n`waxseal verify` of 1 GB: build the command first (cargo build --release -p waxseal-cli)"
        );
        return Ok(());
    };
    let zone = std::env::temp_dir().join(format!("waxseal-benches-{}.zone", std::process::id()));
    let key = PrivateKey::from_material(lab.rsa.clone(), ring::PROVIDER)?;
    let record = format!("v=DKIM1; k=rsa; p={}", key.public_key().dns_p());
    std::fs::write(&zone, format!("{{\"rsa._domainkey.mail.example.org\": {{\"TXT\": [\"{record}\"]}}}}"))?;
    let seconds = now().duration_since(std::time::UNIX_EPOCH)?.as_secs().to_string();
    let child = Command::new(command)
        .args(["verify", "--now", &seconds, "--zone"])
        .arg(&zone)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let measured = feed(child, lab, &key);
    std::fs::remove_file(&zone)?;
    let (kib, passed) = measured?;
    let verdict = if passed { "pass" } else { "NOT A PASS" };
    println!(
        "\n`waxseal verify` of 1 GB on standard input: {:.1} MiB resident at most (reach: ≤ 10 MiB), {verdict}",
        kib / 1024.0
    );
    Ok(())
}

/// The command, from `WAXSEAL` or beside this program.
fn command() -> Option<PathBuf> {
    let named = std::env::var_os("WAXSEAL").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("waxseal"));
    named.or_else(beside).filter(|path| path.is_file())
}

/// Writes a signed message of 1 GB that is never there as a whole. Gives the most memory that the child had, in KiB, and
/// whether it was content.
fn feed(mut child: Child, lab: &Lab, key: &PrivateKey) -> Result<(f64, bool), Error> {
    let piece = corpus::mixed(4 * MEGABYTE);
    let pieces = || std::iter::repeat_n(piece.as_slice(), 250);
    let signer = lab.signer(Which::Rsa, ring::PROVIDER)?;
    let mut signing = Signing::new([&signer], now());
    signing.push(corpus::HEADER.as_bytes())?;
    pieces().try_for_each(|piece| signing.push(piece))?;
    let unsigned = signing.finish()?.into_iter().next().ok_or("no signature")?;
    let signature = key.sign(&unsigned.input())?;
    let field = unsigned.attach(&signature);

    let mut pipe = child.stdin.take().ok_or("no standard input")?;
    pipe.write_all(field.as_bytes())?;
    pipe.write_all(corpus::HEADER.as_bytes())?;
    pieces().try_for_each(|piece| pipe.write_all(piece))?;
    pipe.flush()?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    drop(pipe);
    let passed = child.wait_with_output()?.status.success();
    let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok((high.trim_end_matches("kB").trim().parse()?, passed))
}
