#!/usr/bin/env bash
# Runs the tests of both modules again and again on a machine that is short of
# time: shuffled, with one processor kept busy, and with test processes and
# their children paused for 50 to 800 ms at random. Tests that depend on luck
# fail here.
#
#   RUNS=20                            how many runs
#   FROM=1                             the first run: FROM=8 goes on after seven, up to RUNS
#   PARTS="product dev e2e deaths"     what each run consists of
#   BESIDE="deaths"                    parts that run beside the others: they mostly wait
#   ONLY=regexp                        only packages whose path matches
#   TESTS=regexp                       only tests whose name matches
#   SEED=1                             decides the shuffling and the pauses
#   JOBS=2                             test processes at once, in product and dev
#   OUT=bin/stress/results             where the output of failures goes
#   BUSY=1                             processors kept busy
#   PAUSES=1                           0 leaves the processes alone
#   REBUILD=0                          1 builds the test binaries even if no file changed
#
# The binaries are built once, under bin/stress. The last line is the verdict:
# "runs 20, failures 0"; the exit code is 1 if there were any.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

RUNS=${RUNS:-20} FROM=${FROM:-1} PARTS=${PARTS:-product dev e2e deaths} BESIDE=${BESIDE-deaths} SEED=${SEED:-1}
ONLY=${ONLY:-} TESTS=${TESTS:-} JOBS=${JOBS:-2} OUT=${OUT:-bin/stress/results} BUSY=${BUSY:-1} PAUSES=${PAUSES:-1}
REBUILD=${REBUILD:-0} GO=${GO:-go} RACE=${RACE:--race}
DEATHS=${DEATHS:-TestKillMatrix TestChatKill TestDependencyAwayWhileIngesting TestProviderOutage}
root=$PWD bin=$PWD/bin/stress
mkdir -p "$bin" "$OUT"
OUT=$(cd "$OUT" && pwd)
deaths_pattern="^($(echo $DEATHS | tr ' ' '|'))"

has() { [[ " $PARTS " == *" $1 "* ]]; }

# packages MODULE lists its packages with tests: import path and directory.
packages() {
  "$GO" -C "$1" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... |
    if [[ -n $ONLY ]]; then grep -E -- "$ONLY" || true; else cat; fi
}

# build NAME MODULE PACKAGE [FLAGS] makes bin/stress/NAME.test.
build() {
  local name=$1 module=$2 package=$3 state=$bin/$1.state
  shift 3
  if [[ $REBUILD == 0 && -x $bin/$name.test && -f $state && $(<"$state") == "$tree" ]]; then return; fi
  "$GO" -C "$module" test -c "$@" -o "$bin/$name.test" "$package" || exit 2
  echo "$tree" >"$state"
}

# The state of the sources, so that binaries are built again only after a change.
tree=$({ git rev-parse HEAD; git diff HEAD; git ls-files --others --exclude-standard | xargs -r sha1sum; } 2>/dev/null | sha1sum)

# Each line of a list is: name, directory, further arguments.
lists=$bin/lists
mkdir -p "$lists"
name_of() { echo "${1//\//_}"; }
started=$(date +%s)
if has product; then
  : >"$lists/product"
  while read -r package dir; do
    name=$(name_of "product_${package#github.com/chatconnect/chatconnect}")
    build "$name" . "$package" $RACE
    echo "$name $dir" >>"$lists/product"
    if [[ $package == */internal/document ]]; then # the detector leaves no room for a real memory limit
      build "${name}_norace" . "$package"
      echo "${name}_norace $dir" >>"$lists/product"
    fi
    if [[ $package == */internal/document || $package == */internal/document/docx ]]; then # the other DOCX engine
      build "${name}_unioffice" . "$package" -tags unioffice
      echo "${name}_unioffice $dir" >>"$lists/product"
    fi
  done < <(packages .)
fi
if has dev; then
  : >"$lists/dev"
  while read -r package dir; do
    [[ $package == */e2e ]] && continue
    name=$(name_of "dev_${package#github.com/chatconnect/chatconnect}")
    build "$name" dev "$package" $RACE
    echo "$name $dir" >>"$lists/dev"
  done < <(packages dev)
fi
if has e2e; then
  build e2e dev ./e2e $RACE
  echo "e2e $root/dev/e2e -test.parallel=4 -test.skip=$deaths_pattern" >"$lists/e2e"
fi
if has deaths; then
  build deaths dev ./e2e
  : >"$lists/deaths"
  for test in $DEATHS; do echo "deaths $root/dev/e2e -test.run=^$test" >>"$lists/deaths"; done
fi
echo "test binaries ready after $(($(date +%s) - started)) s"

busy_pids=()
for ((i = 0; i < BUSY; i++)); do
  (while :; do :; done) &
  busy_pids+=($!)
done
cleanup() {
  trap - EXIT INT TERM
  kill "${busy_pids[@]}" 2>/dev/null
  local pid
  for pid in $(jobs -p); do # running tests, with what they started
    tree_of "$pid" | xargs -r kill -CONT 2>/dev/null
    tree_of "$pid" | xargs -r kill 2>/dev/null
  done
}
trap cleanup EXIT
trap 'cleanup; exit 130' INT TERM

# tree_of PID prints a process and all its descendants.
tree_of() {
  ps -e -o pid=,ppid= | awk -v root="$1" '
    { parent[$1] = $2 }
    END { for (p in parent) { for (q = p; q in parent && q != root; q = parent[q]); if (q == root) print p } }'
}

# pause PID SEED stops one process of PID's tree after another, until it ends.
pause() {
  local pid=$1 processes chosen=
  RANDOM=$2
  trap '[[ -z $chosen ]] || kill -CONT "$chosen" 2>/dev/null; exit 0' TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
    mapfile -t processes < <(tree_of "$pid")
    ((${#processes[@]})) || continue
    chosen=${processes[RANDOM % ${#processes[@]}]}
    kill -STOP "$chosen" 2>/dev/null || continue
    sleep "$(printf '0.%03d' $((50 + RANDOM % 750)))"
    kill -CONT "$chosen" 2>/dev/null
    chosen=
  done
}

# run_one PART RUN SEED NAME DIR [ARGS] runs one binary. Its output stays if it
# failed, in a file whose name says what and when.
run_one() {
  local part=$1 run=$2 seed=$3 name=$4 dir=$5
  shift 5
  local log began status pid pauser
  log=$(printf '%s/run-%03d/%s_%s_%s.log' "$OUT" "$run" "$part" "$name" "${*//[^A-Za-z0-9]/}")
  log=${log:0:230}
  began=$(date +%s)
  mkdir -p "$(dirname "$log")"
  echo "$bin/$name.test -test.shuffle=$seed $*   # in $dir" >"$log"
  # exec: the pid is that of the tests, not of a shell.
  (cd "$dir" && exec "$bin/$name.test" -test.shuffle="$seed" -test.timeout=40m ${TESTS:+-test.run="$TESTS"} "$@") >>"$log" 2>&1 &
  pid=$!
  pauser=
  if [[ $PAUSES == 1 ]]; then pause "$pid" $((seed % 32768)) & pauser=$!; fi
  wait "$pid"
  status=$?
  [[ -n $pauser ]] && { kill "$pauser" 2>/dev/null; wait "$pauser" 2>/dev/null; }
  if ((status == 0)); then
    rm -f "$log"
    return 0
  fi
  mv "$log" "$log.FAILED"
  echo "run $run $part $name failed after $(($(date +%s) - began)) s: $(grep -E -m 3 -- '^ *--- FAIL|^panic:|DATA RACE|^FAIL' "$log.FAILED" | tr '\n' ';') $log.FAILED" | tee -a "$OUT/failures.txt"
  return 1
}

# run_part PART RUN runs the part's binaries, JOBS at once where they are small.
run_part() {
  local part=$1 run=$2 seed=$((SEED * 1000003 + run * 1009)) at=0 failed=0 pids=() jobs=1
  [[ $part == product || $part == dev ]] && jobs=$JOBS
  while read -r line; do
    ((at++))
    # shellcheck disable=SC2086 # the line is a list of arguments
    run_one "$part" "$run" $((seed + at)) $line </dev/null &
    pids+=($!)
    if ((${#pids[@]} >= jobs)); then
      wait -n -p ended "${pids[@]}" || ((failed++))
      local left=() pid
      for pid in "${pids[@]}"; do [[ $pid == "$ended" ]] || left+=("$pid"); done
      pids=("${left[@]}")
    fi
  done <"$lists/$part"
  local pid
  for pid in "${pids[@]}"; do wait "$pid" || ((failed++)); done
  part_failed=$failed
}

# What earlier runs found stays, but for those that are done again.
touch "$OUT/runs.txt" "$OUT/failures.txt"
for file in "$OUT/runs.txt" "$OUT/failures.txt"; do
  awk -v from="$FROM" '$1 == "run" && $2 + 0 < from' "$file" >"$file.new" && mv "$file.new" "$file"
done
# run_parts RUN PART... runs parts one after the other and notes how each ended.
run_parts() {
  local run=$1 part began outcome
  shift
  for part in "$@"; do
    began=$(date +%s)
    run_part "$part" "$run"
    outcome=ok
    ((part_failed == 0)) || outcome="$part_failed failed"
    echo "run $run $part: $outcome, $(($(date +%s) - began)) s, seed $SEED" | tee -a "$OUT/runs.txt"
  done
}

side=() main=()
for part in $PARTS; do
  if [[ " $BESIDE " == *" $part "* ]]; then side+=("$part"); else main+=("$part"); fi
done
for ((run = FROM; run <= RUNS; run++)); do
  rm -rf "$(printf '%s/run-%03d' "$OUT" "$run")"
  run_parts "$run" "${side[@]}" &
  side_pid=$!
  run_parts "$run" "${main[@]}"
  wait "$side_pid"
done
runs=$(awk '{ print $2 }' "$OUT/runs.txt" | sort -u | wc -l)
failures=$(wc -l <"$OUT/failures.txt")
echo "runs $runs, failures $failures"
((failures == 0))
