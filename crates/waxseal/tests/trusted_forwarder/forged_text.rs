//! Text that the forger chose, within the honest results of a list that is trusted.

use super::*;

/// HELO, the local part of MAIL FROM and what SPF explains are the forger's. A list that escapes them may say nothing of
/// DMARC itself; behind text that is not escaped, what it says of DMARC still counts.
#[test]
fn text_of_the_forger_within_the_results_of_a_trusted_list() {
    let pass = "dmarc=pass header.from=bank.example";
    let texts = [
        format!("; {pass}; x=y"),
        format!("\"; {pass}; x=\""),
        format!("); {pass}; x=y ("),
        format!("\\\"; {pass}; x=y"),
        format!("\\); {pass}; x=y"),
        format!("a\r\n\t; {pass}"),
        format!("(\"; {pass}; x=\")"),
        format!("x =\"; {pass}; y=\""),
        "\\".into(),
        "x =\"".into(),
        "((".into(),
    ];
    let escaped = |text: &str, what: &[char]| {
        text.chars()
            .flat_map(|c| what.contains(&c).then_some('\\').into_iter().chain([c]))
            .collect::<String>()
    };
    let fail = "dmarc=fail (p=reject) header.from=bank.example";
    for text in &texts {
        let (quoted, comment) = (escaped(text, &['\\', '"']), escaped(text, &['\\', '(', ')']));
        for said in [
            format!("spf=fail smtp.helo=\"{quoted}\""),
            format!("spf=fail reason=\"{quoted}\" smtp.mailfrom=\"{quoted}\"@evil.example"),
            format!("spf=fail ({comment}) smtp.helo=x"),
            format!("spf=fail smtp.helo={text}; {fail}"),
            format!("spf=fail (domain of {text}) smtp.helo=x; {fail} policy.dmarc=\"reject\""),
            format!("{fail}; spf=fail reason=\"{text}\" smtp.mailfrom={text}@evil.example"),
        ] {
            let report = judge(&sealed_over(CHANGED, "from", &format!("list.example; {said}")));
            assert!(report.arc().unwrap().is_pass(), "{said}: {}", report.explain());
            assert_not_spoken_for(&report);
        }
    }
}
