// DMARC by mailauth about many cases: reads one JSON object a line, as `waxseal dmarc check --jsonl` does, and prints
// {"result", "policy", "org_domain", "record_at", "spf_aligned", "dkim_aligned"} for each. The first argument is the
// folder of the package.

'use strict';

const path = require('node:path');
const readline = require('node:readline');
const { dmarc } = require(path.join(process.argv[2], 'lib/dmarc'));

const failure = code => Object.assign(new Error(code), { code });

// Answers as the zone of a case gives them. A name exists when there is anything at it or below it (RFC 8020); behind an alias
// the code is about its target (RFC 6604 §3).
const answers = zone => async (name, type) => {
    const records = zone[name];
    if (records?.ERROR) {
        throw failure('ESERVFAIL');
    }
    if (records?.[type]) {
        return records[type].map(record => [record].flat());
    }
    if (records?.CNAME) {
        return answers(zone)(records.CNAME[0], type);
    }
    const exists = records || Object.keys(zone).some(other => other.endsWith(`.${name}`));
    throw failure(exists ? 'ENODATA' : 'ENOTFOUND');
};

const verdict = async ({ from, dkim_pass: dkimDomains, spf_pass: spfDomains, zone }) => {
    const found = await dmarc({ headerFrom: from, dkimDomains, spfDomains, resolver: answers(zone), strict: true });
    return {
        result: found.status.result,
        policy: found.policy ?? null,
        org_domain: found.domain,
        record_at: found.policyDomain ?? null,
        spf_aligned: Boolean(found.alignment?.spf.result),
        dkim_aligned: Boolean(found.alignment?.dkim.result)
    };
};

(async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        console.log(JSON.stringify(await verdict(JSON.parse(line))));
    }
})();
