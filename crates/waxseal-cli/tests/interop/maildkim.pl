# Mail::DKIM as signer and verifier, many files per start.
#
# maildkim.pl verify PORT FILE...                        prints "FILE<TAB>word,word" with one word per signature
# maildkim.pl sign KEY SELECTOR DOMAIN H/B OUT FILE...   writes the signed messages into the folder OUT

use strict;
use warnings;
use File::Basename qw(basename);
use Mail::DKIM::DNS;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Net::DNS::Resolver;

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    my $text = <$file>;
    close $file;
    return $text;
}

sub feed {
    my ($dkim, $message) = @_;
    $dkim->PRINT($message);
    $dkim->CLOSE;
    return $dkim;
}

my $verb = shift @ARGV;
if ($verb eq 'verify') {
    my $port = shift @ARGV;
    Mail::DKIM::DNS::resolver(
        Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port, recurse => 0));
    for my $path (@ARGV) {
        my $dkim = feed(Mail::DKIM::Verifier->new, slurp($path));
        print "$path\t", join(',', map { $_->result } $dkim->signatures), "\n";
    }
    exit 0;
}
my ($key, $selector, $domain, $canon, $out) = splice @ARGV, 0, 5;
for my $path (@ARGV) {
    my $message = slurp($path);
    my $dkim    = Mail::DKIM::Signer->new(
        Algorithm => 'rsa-sha256',
        Method    => $canon,
        Domain    => $domain,
        Selector  => $selector,
        KeyFile   => $key,
    );
    feed($dkim, $message);
    open my $file, '>:raw', "$out/" . basename($path) or die "$out: $!\n";
    print $file $dkim->signature->as_string, "\r\n", $message;
    close $file or die "$out: $!\n";
}
