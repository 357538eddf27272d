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
# A guest with a kernel of our own has that guest's root whose user land it boots
# and, in its own directory, instead: vmlinux, kernel/ (what modules are built
# with), wanted (the options it must have).

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

# missing_tools COMMAND=PACKAGE... : the packages of those that are not there
missing_tools() {
	local pair

	for pair; do
		command -v "${pair%%=*}" >/dev/null || printf '%s\n' "${pair#*=}"
	done
}

# need_tools COMMAND=PACKAGE... : install what the host lacks; one at a time, as apt
# does not wait for another apt.
need_tools() {
	local missing held

	# Ordinary users have no sbin in PATH, and mke2fs lives there.
	PATH=$PATH:/usr/sbin:/sbin
	mapfile -t missing < <(missing_tools "$@")
	[[ ${#missing[@]} -gt 0 ]] || return 0

	lock held host-packages
	mapfile -t missing < <(missing_tools "$@")
	if [[ ${#missing[@]} -gt 0 ]]; then
		say "installing ${missing[*]}"
		{
			as_root apt-get -qq update &&
			as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
				install --no-install-recommends "${missing[@]}"
		} </dev/null >"$cache/logs/host-packages" 2>&1 || {
			tail -n 20 "$cache/logs/host-packages" >&2
			die "cannot install ${missing[*]}"
		}
	fi
	unlock "$held"
}

guest_names() {
	awk '!/^[[:blank:]]*(#|$)/ { print $1 }' "$vm_dir/guests"
}

# guest_line NAME : its columns, single-spaced, so that layout is no content.
guest_line() {
	awk -v n="$1" '!/^#/ && $1 == n { $1 = $1; print }' "$vm_dir/guests"
}

kernel_names() {
	awk '!/^[[:blank:]]*(#|$)/ { print $1 }' "$vm_dir/kernels"
}

# kernel_column NAME COLUMN : of a guest with a kernel of our own, else nothing.
kernel_column() {
	awk -v n="$1" -v c="$2" '!/^#/ && $1 == n { print $c }' "$vm_dir/kernels"
}

check_guest() {
	[[ -n $(guest_line "$1") || -n $(kernel_column "$1" 1) ]] ||
		usage_error "no guest '$1' (see tests/vm/guests and kernels)"
}

# base_of NAME : the guest whose user land it has, itself as a rule.
base_of() {
	local base

	base=$(kernel_column "$1" 2)
	printf '%s\n' "${base:-$1}"
}

# slowness NAME : what time limits are multiplied by.
slowness() {
	local slow

	slow=$(kernel_column "$1" 5)
	printf '%s\n' "${slow:-1}"
}

# kernel_config NAME : the files in config/, in their order.
kernel_config() {
	kernel_column "$1" 4 | tr ',' '\n'
}

hash_of() {
	sha256sum | cut -c1-12
}

# kernel_makings NAME : all that a kernel of our own is made from.
kernel_makings() {
	local file base

	base=$(root_dir "$1")
	kernel_column "$1" 3
	printf '%s\n' "${base##*/}"
	cat "$vm_dir/mkkernel"
	for file in $(kernel_config "$1"); do
		cat "$vm_dir/config/$file"
	done
}

# guest_dir NAME : where that guest is or will be.
guest_dir() {
	local key

	if [[ -n $(kernel_column "$1" 1) ]]; then
		key=$(kernel_makings "$1" | hash_of)
	else
		key=$({ guest_line "$1"; cat "$vm_dir/mkroot"; } | hash_of)
	fi
	printf '%s\n' "$cache/guests/$1-$key"
}

# root_dir NAME : where the guest is whose root and disk it has.
root_dir() {
	guest_dir "$(base_of "$1")"
}

boot_sources=(mkboot init.c init.h bringup.c options.c leaks.c demux.c frame.h)

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
# read-only but for DIR at /build; what $shared_dir names, if anything, is at
# /share. The mounts are in a namespace of their own: they vanish with the last
# process, and a kill leaves neither behind.
shared_dir=
in_root() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	as_root timeout -k 5 "$3" unshare --mount --propagation private \
		--pid --fork --kill-child -- sh -ec '
		root=$1; dir=$2; shared=$3; shift 3
		mount --bind "$root" "$root"
		mount --rbind /dev "$root/dev"
		mount -t proc proc "$root/proc"
		mount -t tmpfs tmpfs "$root/tmp"
		mount --bind "$dir" "$root/build"
		[ -z "$shared" ] || mount --bind -o ro "$shared" "$root/share"
		mount --bind /etc/resolv.conf "$root/etc/resolv.conf" || :
		mount -o remount,bind,ro "$root"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LANG=C.UTF-8 chroot "$root" "$@"
	' sh "$1" "$2" "$shared_dir" "${@:4}"
}

# Trees made by root, perhaps with something still mounted below.
remove_tree() {
	as_root rm -rf --one-file-system -- "$@"
}
