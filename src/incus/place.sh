# shellcheck shell=bash
# The follow-up of files that nothing has to be told about.
follow_up() { place; }
