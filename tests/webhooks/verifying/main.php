<?php
require 'snippet.php';

while (($line = fgets(STDIN)) !== false) {
    [$secret, $id, $at, $signature, $body] = explode("\t", rtrim($line, "\n"));
    $given = ['webhook-id' => $id, 'webhook-timestamp' => $at, 'webhook-signature' => $signature];
    $headers = array_filter($given, fn ($value) => $value !== '-');
    echo is_ours($secret, $headers, base64_decode($body)) ? "true\n" : "false\n";
}
