#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Writes the manual pages and the shells' completion anew from the table of commands:
#
#   docs/man/update.sh [COROSCOPE [FOLDER]]
#
# COROSCOPE is the command that knows the table (default: build/release/bin/coroscope),
# FOLDER is where man/ and completion/ are (default: docs).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
coroscope=${1:-$here/../../build/release/bin/coroscope}
folder=${2:-$here/..}

mkdir -p "$folder/man" "$folder/completion"
rm -f "$folder"/man/*.1
"$coroscope" help --man >"$folder/man/coroscope.1"
"$coroscope" help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' | while read -r command; do
	"$coroscope" help --man "$command" >"$folder/man/coroscope-$command.1"
done
"$coroscope" completion bash >"$folder/completion/coroscope.bash"
"$coroscope" completion zsh >"$folder/completion/_coroscope"
