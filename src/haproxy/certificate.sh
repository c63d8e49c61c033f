# shellcheck shell=bash disable=SC2154
# (STAGE is set by files.sh)
# Follow-up (see files.sh) that puts a certificate where HAProxy reads it, once HAProxy has said that it can: a PEM that
# is cut off, or has the key of another certificate, would keep it from its next start.
# Parameter: CERTIFICATE, the PEM's path.
: "${CERTIFICATE:?}"

follow_up() {
  local said
  cat >"$STAGE/check.cfg" <<END
global
    tune.ssl.default-dh-param 2048
defaults
    mode http
    timeout client 1s
frontend check
    bind 127.0.0.1:443 ssl crt $STAGE$CERTIFICATE
END
  said=$(timeout 30 haproxy -c -dW -f "$STAGE/check.cfg" 2>&1) ||
    fail "haproxy does not accept this certificate:
$(grep -E '^\[(ALERT|WARNING)\]' <<<"${said//"$STAGE"/}" || echo "${said:-(no answer within 30 s)}")
State now: nothing was changed; what HAProxy serves, and would serve after a restart, is what it was before. Correct the file that loadBalancer.tls.certificate names (chain first, then its key) and run up again"
  place
}

# The certificates that come instead are there by now, and a HAProxy that has not read its files since goes on with this
# one until it expires. Without a load balancer's configuration nobody serves anything.
on_delete() {
  local control=/usr/local/lib/veza/haproxy-control
  [ ! -x "$control" ] || "$control" remove-certificates "$CERTIFICATE" ||
    fail "State now: the certificate is in service, as before. It goes when another one is there: bring that first"
}
