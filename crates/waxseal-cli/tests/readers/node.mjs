// npm's mailparser (nodemailer's parser of addresses) and postal-mime as readers: one message in base64 a line, one JSON
// object of the domains of the authors. The argument is the folder they are installed in.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.argv[2] + '/'));
const { simpleParser } = require('mailparser');
const load = async name => (await import(pathToFileURL(require.resolve(name)))).default;
const PostalMime = await load('postal-mime');
// Those of before CVE-2025-13033 are still in use.
const older = require('mailparser-2025').simpleParser;
const OlderPostalMime = await load('postal-mime-2025');

const flat = found => [found ?? []].flat().flatMap(one => [one, ...(one.group ?? [])]);
const domains = found =>
  flat(found).map(one => one.address ?? '').filter(text => text.includes('@')).map(text => text.split('@').pop());
const mailparser = parse => async message => {
  const { from } = await parse(message, { skipHtmlToText: true, skipTextToHtml: true });
  return domains([from ?? []].flat().flatMap(one => one.value));
};
const readers = {
  mailparser: mailparser(simpleParser),
  'mailparser of 2025': mailparser(older),
  'postal-mime': async message => domains((await PostalMime.parse(message)).from),
  'postal-mime of 2025': async message => domains((await OlderPostalMime.parse(message)).from),
};

for await (const line of createInterface({ input: process.stdin })) {
  const message = Buffer.from(line, 'base64');
  const shown = {};
  for (const [name, read] of Object.entries(readers)) shown[name] = await read(message).catch(() => []);
  console.log(JSON.stringify(shown));
}
