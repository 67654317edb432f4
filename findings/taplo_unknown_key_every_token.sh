#!/usr/bin/env bash
# taplo 0.9.3, which checks TOML by a JSON Schema: one unknown key is reported at every key, value and table of the file.
# Guess: where `additionalProperties` is false and one key is unknown, there is one report, at that key.
# Seen: the report is of the table as a whole, and repeated for all that lies in it: 11 of them in a file of 5 lines.
#   With {"not": {}} in the place of false, which says the same, there is one, at the value of the unknown key.
#   Met by: whoever misspells a key in an editor; every line of the file is underlined, and none of them is the place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v && v/bin/pip install -q taplo==0.9.3
printf 'title = "a"\ntittle = "b"\n\n[table]\nx = 1\ny = 2\n' > file.toml

reports() { # the number of reports by a schema whose additionalProperties are this
  printf '{"type": "object", "properties": {"title": {}, "table": {}}, "additionalProperties": %s}' "$1" > schema.json
  { v/bin/taplo lint --colors never --schema "file://$PWD/schema.json" file.toml 2>&1 || true; } | grep -c '^error:'
}

v/bin/taplo --version
every=$(reports false) one=$(reports '{"not": {}}')
echo "additionalProperties false: $every reports; {\"not\": {}}: $one"
[ "$every" -gt 5 ] && [ "$one" -eq 1 ] || { echo "this has changed"; exit 1; }
