# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the harness's scripts share: places, messages, locks, root's rights.
#
# Layout of the cache:
#   guests/NAME-KEY/            one whole guest; KEY says what it is made from
#     root/  root.img  kver     user land as a tree (builds run in it) and as
#                               the disk that boots; version of its kernel
#     boot-KEY/                 vmlinux, initrd, demux
#     build/HASH/               the project built for it, per checkout
#   locks/  logs/

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
src_dir=$(cd "${PMEMCTL_SRC:-$vm_dir/../..}" && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pmemctl
me=tests/vm/${0##*/}

say() {
	printf '%s: %s\n' "$me" "$*" >&2
}

# Anything that is no verdict of COMMAND's own ends in 125.
die() {
	say "$*"
	exit 125
}

usage_error() {
	say "$* (see tests/vm/run --help)"
	exit 2
}

as_root() {
	if [[ $EUID -eq 0 ]]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root: run as root or install sudo"
	fi
}

# need_tools COMMAND=PACKAGE... : install what the host lacks.
need_tools() {
	local pair missing=()

	# Ordinary users have no sbin in PATH, and mke2fs lives there.
	PATH=$PATH:/usr/sbin:/sbin
	for pair in "$@"; do
		command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0

	say "installing ${missing[*]}"
	{
		as_root apt-get -qq update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
			install --no-install-recommends "${missing[@]}"
	} </dev/null >"$cache/logs/host-packages" 2>&1 || {
		tail -n 20 "$cache/logs/host-packages" >&2
		die "cannot install ${missing[*]}"
	}
}

guest_names() {
	awk '!/^[[:blank:]]*(#|$)/ { print $1 }' "$vm_dir/guests"
}

# guest_line NAME : its columns, single-spaced, so that layout is no content.
guest_line() {
	awk -v n="$1" '!/^#/ && $1 == n { $1 = $1; print }' "$vm_dir/guests"
}

check_guest() {
	[[ -n $(guest_line "$1") ]] ||
		usage_error "no guest '$1' (see tests/vm/guests)"
}

hash_of() {
	sha256sum | cut -c1-12
}

# guest_dir NAME : where that guest is or will be.
guest_dir() {
	local key

	key=$({ guest_line "$1"; cat "$vm_dir/mkroot"; } | hash_of)
	printf '%s\n' "$cache/guests/$1-$key"
}

boot_sources=(mkboot init.c init.h bringup.c demux.c frame.h)

# boot_dir GUEST_DIR
boot_dir() {
	local key

	key=$(cd "$vm_dir" && cat "${boot_sources[@]}" | hash_of)
	printf '%s\n' "$1/boot-$key"
}

# lock FD-VARIABLE NAME [flock options] : held until the FD is closed. Waits
# no longer than the slowest holder may take.
lock() {
	local lock_fd

	exec {lock_fd}>"$cache/locks/$2"
	printf -v "$1" %s "$lock_fd"
	flock -w 4500 "${@:3}" "$lock_fd"
}

unlock() {
	local lock_fd=$1

	exec {lock_fd}>&-
}

# in_root ROOT DIR SECONDS COMMAND... : run COMMAND inside ROOT, which stays
# read-only but for DIR at /build. The mounts are in a namespace of their own:
# they vanish with the last process, and a kill leaves neither behind.
in_root() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	as_root timeout -k 5 "$3" unshare --mount --propagation private \
		--pid --fork --kill-child -- sh -ec '
		root=$1; dir=$2; shift 2
		mount --bind "$root" "$root"
		mount --rbind /dev "$root/dev"
		mount -t proc proc "$root/proc"
		mount -t tmpfs tmpfs "$root/tmp"
		mount --bind "$dir" "$root/build"
		mount --bind /etc/resolv.conf "$root/etc/resolv.conf" || :
		mount -o remount,bind,ro "$root"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LANG=C.UTF-8 chroot "$root" "$@"
	' sh "$1" "$2" "${@:4}"
}

# Trees made by root, perhaps with something still mounted below.
remove_tree() {
	as_root rm -rf --one-file-system -- "$@"
}
