# shellcheck shell=bash disable=SC2154
# (settings, facts about certificates and attempts are other libraries')
# What there is, for people and for Prometheus. Describes the PEM that HAProxy reads.

status() {
  local primary state error due_now look
  look=$(last_look)
  read_issued
  for primary in "${primaries[@]}"; do
    read_attempt "$primary"
    error=${attempt[error]}
    if ! read_certificate "$CERTIFICATES/$primary.pem"; then
      state=missing
      certificate=([issuer]='' [not_before]=0 [not_after]=0 [serial]='')
    elif is_placeholder || ! has_names "$primary"; then
      state=placeholder
    else
      state=issued
      if [ "${certificate[not_after]}" -le "$EPOCHSECONDS" ]; then
        error="it expired on $(iso "${certificate[not_after]}")${error:+; $error}"
      fi
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s' "$primary" "${names_of[$primary]}" "$state" "${certificate[issuer]}" \
      "${certificate[not_before]}" "${certificate[not_after]}" "${certificate[serial]}" "${attempt[time]}" "${attempt[result]}" "$error"
    due_now=$(due "$primary")
    printf '\t%s\t%s\n' "$([ -n "$due_now" ] && echo yes || echo no)" "$look"
  done
}

# What is not known (a certificate that was never issued, an attempt that was never made) is left out.
metrics() {
  status | awk -F '\t' -v now="$EPOCHSECONDS" '
    function sample(metric, value) { samples[metric] = samples[metric] sprintf("%s{name=\"%s\"} %s\n", metric, $1, value) }
    function print_metric(metric, help) { printf "# HELP %s %s\n# TYPE %s gauge\n%s", metric, help, metric, samples[metric] }
    {
      sample("veza_certificate_issued", $3 == "issued" ? 1 : 0)
      if ($3 == "issued") {
        sample("veza_certificate_days_left", sprintf("%.4f", ($6 - now) / 86400))
        sample("veza_certificate_not_after_timestamp_seconds", $6)
      }
      if ($8 > 0) sample("veza_certificate_last_renewal_timestamp_seconds", $8)
      if ($12 > 0) look = "veza_certificates_last_look_timestamp_seconds " $12 "\n"
      if ($9 != "none") sample("veza_certificate_last_renewal_success", $9 == "ok" ? 1 : 0)
    }
    END {
      print_metric("veza_certificate_issued", "1 when HAProxy has a certificate that a CA issued, 0 for a placeholder or none.")
      print_metric("veza_certificate_days_left", "Days until the issued certificate expires; negative afterwards.")
      print_metric("veza_certificate_not_after_timestamp_seconds", "When the issued certificate expires, in seconds since 1970.")
      print_metric("veza_certificate_last_renewal_timestamp_seconds", "When it was last tried to get a certificate, in seconds since 1970.")
      print_metric("veza_certificate_last_renewal_success", "1 when that succeeded, 0 when it failed.")
      samples["veza_certificates_last_look_timestamp_seconds"] = look
      print_metric("veza_certificates_last_look_timestamp_seconds", "When it was last looked whether any of them is due, in seconds since 1970.")
    }'
}
