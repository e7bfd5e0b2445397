# Ruby's mail as a reader: one message in base64 a line, one JSON object of the domains of the authors.
require 'json'
require 'mail'

# It warns of each field that it passes over.
$VERBOSE = nil

def domains(message)
  fields = Mail.new(message).header.fields.select { |field| field.name.casecmp?('from') }
  found = fields.flat_map { |field| field.addrs.map(&:domain) }.compact
  # It keeps the blanks beside dots, and of `a@(x)b.example` says `a@b.example` where it should say `b.example`.
  found.map { |text| text.dup.force_encoding('UTF-8').scrub.gsub(/\s*\.\s*/, '.').sub(/.*@/m, '') }
rescue StandardError
  []
end

$stdin.each_line { |line| puts JSON.generate('Ruby mail' => domains(line.unpack1('m'))) }
