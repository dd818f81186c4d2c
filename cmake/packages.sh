# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# The Debian packages that each command needs, and how they come: part of ./dev.

# Needed: without them the command ends with a message.
PACKAGES_BUILD=(gcc g++ libc6-dev cmake ninja-build pkg-config libelf-dev libdw-dev
	libzstd-dev libiberty-dev libncurses-dev python3)
PACKAGES_TEST=(libcmocka-dev libunwind-dev)
PACKAGES_LINT=(libcmocka-dev libunwind-dev clang clang-format clang-tidy cppcheck shellcheck)
PACKAGES_FUZZ=(clang)
# Real programs and allocators that tests run: without them these tests are skipped.
PACKAGES_REAL=(redis-server redis-tools nginx-light sqlite3 heaptrack
	libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev golang-go etcd-server
	libboost-context-dev libboost-fiber-dev libboost-coroutine-dev libboost-doc libst-dev
	libpth-dev qemu-utils gccgo liblua5.4-dev nmap tmux zsh groff-base)

# Prints those of the named packages that are not installed.
missing() {
	local have name
	have=" $(dpkg-query -W -f '${Package}/${db:Status-Status} ' "$@" 2>/dev/null || true)"
	for name in "$@"; do
		[[ $have == *" $name/installed "* ]] || printf '%s\n' "$name"
	done
}

# Sets AS_ROOT to what runs a command as root; fails when nothing does.
find_root() {
	AS_ROOT=()
	[[ $(id -u) == 0 ]] && return 0
	AS_ROOT=(sudo -n)
	sudo -n true 2>/dev/null
}

# A server's package must not start the server: Debian asks policy-rc.d.
POLICY=/usr/sbin/policy-rc.d
forbid_services() {
	[[ ! -e $POLICY ]] || return 0
	trap allow_services EXIT
	printf '#!/bin/sh\nexit 101\n' | "${AS_ROOT[@]}" tee "$POLICY" >/dev/null
	"${AS_ROOT[@]}" chmod 755 "$POLICY"
	FORBIDDEN=yes
}
# Leaves alone a policy that was there before us.
FORBIDDEN=
allow_services() {
	[[ -z $FORBIDDEN ]] || "${AS_ROOT[@]}" rm -f "$POLICY"
	FORBIDDEN=
	trap - EXIT
}

apt_get() {
	"${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq "$@"
}

# Once in a run, before the first package is installed.
UPDATED=
update_lists() {
	mkdir -p build
	[[ -z $UPDATED ]] || return 0
	apt_get update >build/packages.log 2>&1 || true
	UPDATED=yes
}

# Prints those of the named packages that this release has: not each has each of them.
offered() {
	LC_ALL=C apt-cache policy "$@" | awk '
		/^[^ ]/ { name = substr($1, 1, length($1) - 1) }
		$1 == "Candidate:" && $2 != "(none)" { print name }'
}

# Installs the named packages; output goes to build/packages.log.
install_packages() {
	say "installing: $*"
	update_lists
	forbid_services
	local status=0
	apt_get install -y --no-install-recommends "$@" >>build/packages.log 2>&1 || status=$?
	allow_services
	return $status
}

# Installs what is missing of the named packages, or ends with one message.
need() {
	command -v dpkg-query >/dev/null || return 0 # CMake says what it does not find
	local lacking
	mapfile -t lacking < <(missing "$@")
	[[ ${#lacking[@]} == 0 ]] && return 0
	if ! find_root; then
		say "dev: cannot install packages: neither root nor sudo without a password"
		say "hint: as root: apt-get install ${lacking[*]}"
		exit 2
	fi
	if ! install_packages "${lacking[@]}"; then
		mapfile -t lacking < <(missing "$@")
		say "dev: cannot install these packages: ${lacking[*]}"
		tail -n 3 build/packages.log >&2
		exit 2
	fi
}

# The same for packages that one can do without: says which are not there.
want() {
	command -v dpkg-query >/dev/null || return 0
	local lacking found=() name
	mapfile -t lacking < <(missing "$@")
	[[ ${#lacking[@]} == 0 ]] && return 0
	if find_root; then
		compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || update_lists
		mapfile -t found < <(offered "${lacking[@]}")
	fi
	if [[ ${#found[@]} != 0 ]] && ! install_packages "${found[@]}"; then
		for name in "${found[@]}"; do # one that cannot be had must not stop the others
			install_packages "$name" || true
		done
	fi
	mapfile -t lacking < <(missing "$@")
	[[ ${#lacking[@]} == 0 ]] || say "not installed, their tests are skipped: ${lacking[*]}"
}

# The sanitizers' and libFuzzer's runtime has the compiler's version in its name.
need_clang_runtime() {
	need "${PACKAGES_FUZZ[@]}"
	need "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

# Python's own tests, for the interpreter of the distribution.
python_tests() {
	printf 'libpython%s-testsuite\n' \
		"$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
}
