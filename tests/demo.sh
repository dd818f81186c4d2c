#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# ./dev demo: records a real program, python3 indexing a made-up log while its cache grows,
# and a server with a coroutine for each connection, and shows what the reading commands make
# of the two.
set -euo pipefail

COROSCOPE=${COROSCOPE:-build/release/bin/coroscope}
FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/coroscope-demo.XXXXXX")
TRACE=$FOLDER/python3.coro
DIRECTORY=$(cd "$(dirname "$COROSCOPE")" && pwd)
PATH=$DIRECTORY:$PATH
WIDTH=110

say() { printf '\n== %s\n\n' "$*"; }

# Prints the command as a user would type it, then its first LINES lines, cut to fit.
show() {
	local lines=$1 output
	shift
	printf '$ %s\n' "${*//"$FOLDER/"/}"
	output=$("$@" 2>&1)
	head -n "$lines" <<<"$output" | cut -c "1-$WIDTH"
	[[ $(wc -l <<<"$output") -le $lines ]] || echo "…"
}

cat >"$FOLDER/index.py" <<'PYTHON'
import hashlib, json, re, time

lines = [json.dumps({"id": i, "user": f"user{i % 97}", "text": "word " * (i % 40)})
         for i in range(4000)]
cache, words = {}, {}
for step in range(6):
    for line in lines[step * 600:(step + 1) * 600]:
        entry = json.loads(line)
        key = hashlib.sha256(line.encode()).hexdigest()
        cache[key] = entry                      # never emptied: this is what grows
        for word in re.findall(r"\w+", entry["text"]):
            words[word] = words.get(word, 0) + 1
    time.sleep(0.5)
print(f"{len(cache)} entries, {sum(words.values())} words")
PYTHON

python=/usr/bin/python3
[[ -x $python ]] || python=$(command -v python3)

say "Every allocation of python3, with its stack"
export PYTHONMALLOC=malloc # python's own pools hide its objects from any malloc profiler
printf '$ PYTHONMALLOC=malloc coroscope record --heap=all -o python3.coro -- python3 index.py\n'
(cd "$FOLDER" && coroscope record --heap=all -o "$TRACE" -- "$python" index.py)

say "Who held memory at the highest point"
show 24 coroscope heap -n 1 "$TRACE@peak"

say "The same by function"
show 14 coroscope heap --by function -n 8 "$TRACE@peak"

say "What grew between one second and three seconds after the start"
show 16 coroscope diff --by function -n 8 "$TRACE@1s" "$TRACE@3s"

say "Folded stacks, for any flame graph tool (here the ends of the five largest)"
echo '$ coroscope fold python3.coro@peak'
coroscope fold "$TRACE@peak" | awk '{ print $NF, $0 }' | sort -rn | awk -v width=$WIDTH 'NR <= 5 {
	sub(/^[0-9]+ /, "")
	print (length($0) > width ? "…" substr($0, length($0) - width + 2) : $0)
}'

say "What else is in the trace"
show 20 coroscope info "$TRACE"

# ---- coroutines ----

SERVER=$(dirname "$DIRECTORY")/targets/coro_server

# The process of the server that RECORDER has started.
server_pid() {
	local recorder=$1 child
	for _ in {1..100}; do
		for child in $(pgrep -P "$recorder" || true); do
			if [[ $(readlink "/proc/$child/exe") == "$(realpath "$SERVER")" ]]; then
				echo "$child"
				return
			fi
		done
		sleep 0.1
	done
}

demo_coroutines() {
	local trace=$FOLDER/server.coro recorder pid
	say "A server with a coroutine for each of 300 connections, while it runs"
	echo '$ coroscope record --heap=all -o server.coro -- coro_server 300 6 &'
	coroscope record --quiet --heap=all -o "$trace" -- "$SERVER" 300 6 >"$FOLDER/server.out" &
	recorder=$!
	pid=$(server_pid "$recorder")
	sleep 2
	if coroscope help ps >/dev/null 2>&1; then
		show 24 coroscope ps --group -n 3 -p "$pid"
	else
		show 24 coroscope heap --metric coroutines -n 3 -p "$pid"
	fi

	say "What its coroutines hold, by where they are created and by what they do"
	show 9 coroscope heap --by spawn -n 1 -p "$pid"
	show 14 coroscope heap --by function -n 8 -p "$pid"
	wait "$recorder"

	say "Its coroutines two seconds after the start, as folded stacks"
	echo '$ coroscope fold --metric coroutines server.coro@2s'
	coroscope fold --metric coroutines "$trace@2s" | cut -c "1-$WIDTH"
}

if [[ -x $SERVER ]]; then
	demo_coroutines
else
	say "Without the programs of the tests there is no server to show"
fi

say "Next"
cat <<NEXT
The trace is $TRACE. Try
  $COROSCOPE heap --by module $TRACE
  $COROSCOPE heap --metric temporary_objects $TRACE
  $COROSCOPE heap --metric alloc_space --from 1s --to 2s $TRACE
  $COROSCOPE record --heap=all -o mine.coro -- YOUR PROGRAM
NEXT
