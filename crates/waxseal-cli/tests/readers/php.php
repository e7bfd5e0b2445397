<?php
// PHP's imap extension, which is c-client, as a reader: one message in base64 a line, one JSON object of the domains of
// the authors.
if (!function_exists('imap_rfc822_parse_headers')) exit(1);
error_reporting(0);
while (($line = fgets(STDIN)) !== false) {
    $parsed = imap_rfc822_parse_headers(base64_decode($line), 'MISSING_DOMAIN');
    $hosts = [];
    foreach ($parsed->from ?? [] as $one) if (isset($one->host)) $hosts[] = $one->host;
    imap_errors();
    imap_alerts();
    echo json_encode(['c-client (PHP imap)' => $hosts], JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
