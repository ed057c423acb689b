#!/usr/bin/env bash
# Compiles portd into one executable a target, under dist/. `compile.sh --help` tells how, docs/platforms.md why so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly DENO_VERSION=2.9.6 # what `npx` fetches where there is no Deno; the development version
readonly WINDOWS_DENO_VERSION=2.9.4 # the oldest whose programs for Windows are right; see docs/platforms.md

usage() {
  cat <<EOF
Usage: compile.sh [--out DIR] [TARGET...]

Compiles portd for each TARGET (default: this machine) into DIR (default: dist) as portd-TARGET, and writes the
checksums of all of them to SHA256SUMS. For this machine's own target the size and the start-up time are printed.

Targets: linux-x64 linux-arm64 windows-x64 windows-arm64 macos-x64 macos-arm64, or the Rust triples that they stand for.
Windows targets take Deno $WINDOWS_DENO_VERSION or later.

Environment:
  DENO         the deno to compile with (default: deno on PATH, else npx -y deno@$DENO_VERSION)
  DENORT_BIN   the runtime to put into the binary, in the place of the one that Deno downloads; of the same version
               as DENO, and for the one TARGET
EOF
}

# fail MESSAGE [EXIT_CODE]
fail() {
  printf 'compile.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

# Prints the Rust triple of a target.
triple_of() {
  case "$1" in
    linux-x64 | x86_64-unknown-linux-gnu) echo x86_64-unknown-linux-gnu ;;
    linux-arm64 | aarch64-unknown-linux-gnu) echo aarch64-unknown-linux-gnu ;;
    windows-x64 | x86_64-pc-windows-msvc) echo x86_64-pc-windows-msvc ;;
    windows-arm64 | aarch64-pc-windows-msvc) echo aarch64-pc-windows-msvc ;;
    macos-x64 | x86_64-apple-darwin) echo x86_64-apple-darwin ;;
    macos-arm64 | aarch64-apple-darwin) echo aarch64-apple-darwin ;;
    *) fail "Cannot compile for \"$1\": targets are linux-x64 linux-arm64 windows-x64 windows-arm64 macos-x64 macos-arm64" 2 ;;
  esac
}

# Prints the file name of the binary for a Rust triple.
binary_name() {
  case "$1" in
    x86_64-unknown-linux-gnu) echo portd-linux-x64 ;;
    aarch64-unknown-linux-gnu) echo portd-linux-arm64 ;;
    x86_64-pc-windows-msvc) echo portd-windows-x64.exe ;;
    aarch64-pc-windows-msvc) echo portd-windows-arm64.exe ;;
    x86_64-apple-darwin) echo portd-macos-x64 ;;
    aarch64-apple-darwin) echo portd-macos-arm64 ;;
  esac
}

# Prints a value of this project or this Deno; the expression sees deno.json as `config`.
evaluate() {
  "${deno[@]}" eval --no-lock "const config = JSON.parse(Deno.readTextFileSync('deno.json')); console.log($1)"
}

# Prints the modules that main.ts and its parts import lazily.
lazy_modules() {
  "${deno[@]}" eval --no-lock '
    import { lazyModules } from "./packaging/bundle.ts";
    console.log(lazyModules().join("\n"));
  '
}

# is_older VERSION OTHER: whether a version of three numbers is older than another.
is_older() {
  local IFS=.-+ i
  local -a one two
  read -r -a one <<<"$1"
  read -r -a two <<<"$2"
  for i in 0 1 2; do
    if ((10#${one[i]} != 10#${two[i]})); then ((10#${one[i]} < 10#${two[i]})) && return 0 || return 1; fi
  done
  return 1
}

# Refuses a Windows target where the compiling Deno is too old for it.
check_deno_for() {
  case "$1" in *-windows-*) ;; *) return 0 ;; esac
  is_older "$version_of_deno" "$WINDOWS_DENO_VERSION" || return 0
  fail "Cannot compile for $1 with Deno $version_of_deno: it takes Deno $WINDOWS_DENO_VERSION or later; set DENO to one, or leave it out" 2
}

# Says what to do when Deno could not get the runtime of a target.
explain_missing_runtime() {
  local version=$1 triple=$2
  cat >&2 <<EOF

compile.sh: Cannot get the Deno runtime for $triple: it could not be downloaded
Where that host cannot be reached, bring the runtime yourself:
  1. On another machine, download https://dl.deno.land/release/v$version/denort-$triple.zip
     (or the same file from the release v$version of github.com/denoland/deno).
  2. Unpack it and say where it is:
     DENORT_BIN=/path/to/denort ./compile.sh $triple
The runtime and the compiling deno must be of the same version: $version here.
EOF
}

# compile_one TRIPLE
compile_one() {
  local triple=$1 output log status=0
  output="$out/$(binary_name "$triple")"
  log="$scratch/compile.log"
  # --no-npm and --no-remote: the bundle is complete, and a binary that needs more than it shall not come to be.
  "${deno[@]}" compile --quiet --no-check --no-config --no-lock --no-npm --no-remote ${no_code_cache:+"$no_code_cache"} \
    ${unstable[@]+"${unstable[@]}"} "${permissions[@]}" --target "$triple" --output "$output" "$scratch/bundle/main.js" 2>"$log" || status=$?
  cat "$log" >&2
  if [ "$status" -ne 0 ]; then
    if grep -qi -e denort -e 'base binary' "$log"; then explain_missing_runtime "$version_of_deno" "$triple"; fi
    fail "Cannot compile for $triple: deno compile ended with $status"
  fi
  printf '%s  %s bytes\n' "$output" "$(wc -c <"$output" | tr -d ' ')"
}

# Proves that this machine's own binary runs and bears the project's version; prints how fast it starts.
prove_native() {
  local output=$1 version=$2 answer
  answer=$("$output" version) || fail "Cannot run $output: portd version ended with $?"
  case " $answer " in
    *[!0-9.]"$version"[!0-9.]*) ;;
    *) fail "Cannot use $output: portd version says \"$answer\", deno.json says $version" ;;
  esac
  "${deno[@]}" eval --no-lock '
    const times = Array.from({ length: 15 }, () => {
      const start = performance.now();
      const { success } = new Deno.Command(Deno.args[0], { args: ["version"], stdout: "null" }).outputSync();
      if (!success) throw new Error(`Cannot run ${Deno.args[0]}`);
      return performance.now() - start;
    }).sort((a, b) => a - b);
    console.log(`${Deno.args[0]}  version ${Deno.args[1]}, starts in ${times[7].toFixed(0)} ms (median of 15)`);
  ' "$output" "$version"
}

write_checksums() {
  local sum=(sha256sum)
  command -v sha256sum >/dev/null || sum=(shasum -a 256)
  (cd "$out" && "${sum[@]}" portd-* >SHA256SUMS)
}

out=dist
triples=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage && exit 0 ;;
    --out) [ $# -ge 2 ] || fail "Cannot use --out: it takes a folder" 2; out=$2 && shift ;;
    -*) fail "Cannot use \"$1\": there is no such option; compile.sh --help lists them" 2 ;;
    *)
      triple=$(triple_of "$1")
      triples+=("$triple")
      ;;
  esac
  shift
done

if [ -n "${DENO:-}" ]; then deno=("$DENO"); elif command -v deno >/dev/null; then deno=(deno); else
  command -v npx >/dev/null || fail "Cannot find deno: install Deno or Node, or set DENO"
  deno=(npx -y "deno@$DENO_VERSION")
fi

native=$(evaluate 'Deno.build.target') || fail "Cannot run ${deno[*]}"
[ "${#triples[@]}" -gt 0 ] || triples=("$native")
if [ -n "${DENORT_BIN:-}" ] && [ "${#triples[@]}" -gt 1 ]; then
  fail "Cannot use one DENORT_BIN for several targets: compile them one by one" 2
fi

version=$(evaluate 'config.version')
version_of_deno=$(evaluate 'Deno.version.deno')
for triple in "${triples[@]}"; do check_deno_for "$triple"; done
# The task `portd` is the one place where portd's permissions stand.
read -r -a permissions <<<"$(evaluate "config.tasks.portd.command.split(' ').filter((word) => word.startsWith('--')).join(' ')")"
[ "${#permissions[@]}" -gt 0 ] || fail 'Cannot find the permissions: the task "portd" of deno.json has none'
# Compiling goes without deno.json (see compile_one), so what it switches on is handed over here.
read -r -a unstable <<<"$(evaluate "(config.unstable ?? []).map((name) => '--unstable-' + name).join(' ')")"
# The code cache is a file in the shared temp folder, which is no place to load code of a root service from.
no_code_cache=
case "$("${deno[@]}" compile --help)" in *--no-code-cache*) no_code_cache=--no-code-cache ;; esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$out" "$scratch/bundle"
# Bundled first, in chunks: that leaves out node_modules and what is never imported, and keeps lazy imports lazy.
lazy=$(lazy_modules)
# shellcheck disable=SC2086 # one word a module
"${deno[@]}" bundle --quiet --code-splitting --outdir "$scratch/bundle" main.ts $lazy ||
  fail "Cannot bundle main.ts: see above; deno bundle takes its esbuild from the npm registry"
"${deno[@]}" eval --no-lock 'import { makeRequireLazy } from "./packaging/bundle.ts"; makeRequireLazy(Deno.args[0]);' \
  "$scratch/bundle"

for triple in "${triples[@]}"; do
  compile_one "$triple"
  if [ "$triple" = "$native" ]; then prove_native "$out/$(binary_name "$triple")" "$version"; fi
done
write_checksums
