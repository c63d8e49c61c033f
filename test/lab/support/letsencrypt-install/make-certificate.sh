#!/bin/bash
# make-certificate.sh LABEL "NAMES" [ecdsa|rsa] [NOT_AFTER]
# What a CA gives a client, as dehydrated would pass it to its hook: LABEL/{privkey,cert,chain,fullchain}.pem below
# /root/made. NOT_AFTER as openssl ca has it (YYMMDDHHMMSSZ); in 90 days unless given.
set -euo pipefail

home=/root/made
ca=$home/ca
label=$1 names=$2 key=${3-ecdsa} not_after=${4-$(date -u -d '+90 days' +%y%m%d%H%M%SZ)}

new_key() { # FILE TYPE
  if [ "$2" = rsa ]; then
    openssl genrsa -out "$1" 2048
  else
    openssl ecparam -genkey -name prime256v1 -noout -out "$1"
  fi
}

if [ ! -f "$ca/intermediate.pem" ]; then
  mkdir -p "$ca"
  for one in root intermediate; do new_key "$ca/$one.key" ecdsa; done
  openssl req -x509 -new -key "$ca/root.key" -days 3650 -subj "/CN=Test Root" -out "$ca/root.pem"
  openssl req -new -key "$ca/intermediate.key" -subj "/CN=Test Intermediate" |
    openssl x509 -req -CA "$ca/root.pem" -CAkey "$ca/root.key" -days 3650 -out "$ca/intermediate.pem" \
      -extfile <(echo basicConstraints=critical,CA:true)
fi 2>/dev/null

out=$home/$label
mkdir -p "$out"
{
  new_key "$out/privkey.pem" "$key"
  cat >"$out/ca.cnf" <<END
[ca]
default_ca = test
[test]
database = $out/index
rand_serial = yes
new_certs_dir = $out
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = optional
[leaf]
subjectAltName = DNS:${names// /,DNS:}
END
  : >"$out/index"
  openssl req -new -key "$out/privkey.pem" -subj "/CN=${names%% *}" -out "$out/request.pem"
  # A day ago, so that one that has expired already can be made.
  openssl ca -batch -notext -config "$out/ca.cnf" -cert "$ca/intermediate.pem" -keyfile "$ca/intermediate.key" \
    -in "$out/request.pem" -out "$out/cert.pem" -startdate "$(date -u -d '-1 day' +%y%m%d%H%M%SZ)" -enddate "$not_after"
} 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
cp "$ca/intermediate.pem" "$out/chain.pem"
# As Let's Encrypt sends it, with an empty line between the two.
{ cat "$out/cert.pem"; echo; cat "$out/chain.pem"; } >"$out/fullchain.pem"
