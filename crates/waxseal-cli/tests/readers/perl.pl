# Perl's modules as readers: one message in base64 a line, one JSON object of what each shows.
#
# perl.pl from      the domains of the authors
# perl.pl results   the authserv-ids of Authentication-Results, and the fields of other names that are believed
use strict;
use warnings;
use Email::Address::XS qw(parse_email_groups);
use Email::MIME;
use Encode qw(decode FB_DEFAULT);
use JSON::PP;
use MIME::Base64;
use Mail::Address;
use Mail::Header;

$SIG{__WARN__} = sub { };
my $json = JSON::PP->new->ascii->canonical;

sub text { defined $_[0] ? decode('UTF-8', "$_[0]", FB_DEFAULT) : () }

sub xs {
    my @shown;
    for my $value (Email::MIME->new($_[0])->header_raw('From')) {
        my @groups = parse_email_groups($value);
        while (my ($name, $list) = splice @groups, 0, 2) {
            push @shown, map { text($_->host) } @$list;
        }
    }
    return \@shown;
}

sub mail_address {
    my ($head) = split /\r?\n\r?\n/, $_[0], 2;
    my @lines = $head =~ /[^\n]*\n|[^\n]+\z/g;
    my @values = Mail::Header->new(\@lines)->get('From');
    return [map { text($_->host) } Mail::Address->parse(@values)];
}

# The first word of the value without comments, up to the semicolon or a blank.
sub authserv_id {
    my ($value) = @_;
    1 while $value =~ s/\((?:\\.|[^()\\])*\)/ /s;
    return $value =~ /^\s*"?([^\s;"]+)/ ? $1 : ();
}

sub email_mime {
    my $message = Email::MIME->new($_[0]);
    my @values = map { $message->$_('Authentication-Results') } qw(header_str header_raw);
    my @believed = grep { /^(?:received-spf|arc-(?:seal|message-signature|authentication-results))$/i }
        $message->header_raw_pairs;
    return [(map { "id:$_" } map { authserv_id($_) } grep { defined } @values), map { 'field:' . lc } @believed];
}

my %views =
    $ARGV[0] eq 'from'
    ? ('Perl Email::Address::XS' => \&xs, 'Perl Mail::Address' => \&mail_address)
    : ('Perl Email::MIME' => \&email_mime);
while (my $line = <STDIN>) {
    my $message = decode_base64($line);
    my %shown = map { my $name = $_; $name => eval { $views{$name}->($message) } // [] } keys %views;
    print $json->encode(\%shown), "\n";
}
