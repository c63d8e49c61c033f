#!/bin/bash
# Answers one HTTP request, whatever it asks for, with the metrics about certificates. Started once for each connection.
set -euo pipefail

while IFS= read -r -t 5 line && [ -n "${line%$'\r'}" ]; do :; done

answer() { # STATUS BODY
  printf 'HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n' "$1" "$((${#2} + 1))" "$2"
}

if metrics=$(timeout 20 /usr/local/lib/veza/certificates metrics); then
  answer '200 OK' "$metrics"
else
  answer '500 Internal Server Error' 'certificates metrics failed; see journalctl -u veza-certificate-metrics'
fi
