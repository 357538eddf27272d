# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # its variables are set by run
#
# The machine itself: QEMU's command line, starting and stopping it, and the
# verdict over its console.

# A comma in a value of QEMU's is doubled.
q() {
	printf %s "${1//,/,,}"
}

# /dev/kvm may exist and not work, so a guest must really come up with it. One
# answer per boot of this host.
have_kvm() {
	local memo

	[[ -r /dev/kvm && -w /dev/kvm ]] || return 1
	memo=$cache/kvm-$(</proc/sys/kernel/random/boot_id)
	if [[ ! -e $memo ]]; then
		rm -f "$cache"/kvm-*
		if boot_probe 2>/dev/null; then
			echo yes >"$memo"
		else
			echo no >"$memo"
		fi
	fi
	[[ $(<"$memo") = yes ]]
}

boot_probe() {
	local probe=$scratch/probe

	make_initrd p probe 1
	timeout -k 2 20 qemu-system-x86_64 -M q35 -accel kvm -cpu max -m 512M \
		-nodefaults -display none -no-reboot -kernel "$boot/vmlinux" \
		-initrd "$scratch/initrd" -append "panic=-1 quiet" \
		-device virtio-serial-pci \
		-chardev "file,id=frames,path=$(q "$probe")" \
		-device virtserialport,chardev=frames,nr=1 \
		</dev/null >/dev/null 2>&1 &
	qemu=$!
	# The guest waits after its last frame: end it as soon as that is here.
	while kill -0 "$qemu" 2>/dev/null && ! grep -qs 'exit 0' "$probe"; do
		sleep 0.1
	done
	kill "$qemu" 2>/dev/null || true
	wait "$qemu" || true
	qemu=
	grep -qs 'exit 0' "$probe"
}

# make_initrd FLAGS ARG... : the guest's initramfs plus /run.args (init.c). The
# harness's own test asks for options that are off, in PMEMCTL_WANTED.
make_initrd() {
	local files=(run.args)

	printf '%s\0' "$@" >"$scratch/run.args"
	if [[ -n ${PMEMCTL_WANTED-} ]]; then
		cp "$PMEMCTL_WANTED" "$scratch/wanted"
		files+=(wanted)
	fi
	cp "$boot/initrd" "$scratch/initrd"
	(cd "$scratch" && printf '%s\n' "${files[@]}" |
		cpio -o -H newc --quiet) >>"$scratch/initrd"
}

# wanted OPTION : was the guest's kernel made by us with it?
wanted() {
	[[ -e $dir/wanted ]] && grep -qx "$1=y" "$dir/wanted"
}

host_dir() {
	machine+=(-fsdev "local,id=$1,path=$(q "$2"),security_model=none,readonly=on,multidevs=remap"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

# What every mode needs. cx16=off: QEMU 7.2's cmpxchg16b loses flags under TCG
# and 6.12 dies of it. erms, fsrm off: else each byte of a rep movsb counts as
# an instruction of its own.
machine_setup() {
	local cmdline hung=$((60 * slow)) warn=1

	# A clock that counts instructions leaps while there are none: a minute
	# may go by until a disk has answered.
	[[ -z $icount ]] || hung=0

	# KCSAN would panic on a race of the kernel's own: see own_races().
	! wanted CONFIG_KCSAN || warn=0

	cmdline="console=ttyS0 loglevel=5 printk.time=1 printk.devkmsg=on"
	cmdline+=" panic=-1 oops=panic panic_on_warn=$warn softlockup_panic=1"
	cmdline+=" sysctl.kernel.hung_task_panic=1"
	cmdline+=" sysctl.kernel.panic_on_rcu_stall=1"
	# QEMU's counters agree across CPUs. Else the kernel finds that out, and
	# the patching of itself that follows is what TCG at times dies of.
	cmdline+=" tsc=reliable"
	# Emulation on a busy host is slow by an order of magnitude.
	cmdline+=" sysctl.kernel.hung_task_timeout_secs=$hung"
	cmdline+=" watchdog_thresh=$((slow > 1 ? 60 : 30))"
	# With larger stacks and the smallest tables, it would have fewer threads.
	[[ ! -e $dir/wanted ]] ||
		cmdline+=" sysctl.kernel.threads-max=20000 sysctl.kernel.pid_max=32768"
	# Memory is filled on its way out and back: what is not written is not zero.
	! wanted CONFIG_PAGE_POISONING ||
		cmdline+=" page_poison=1 slub_debug=P slab_debug=P"
	[[ -n $leaks ]] || cmdline+=" kmemleak=off"
	cmdline+=" rcupdate.rcu_cpu_stall_timeout=$((60 * slow))"

	machine=(qemu-system-x86_64 -M q35 -m "$mem" -nodefaults -display none
		-no-reboot -kernel "$boot/vmlinux" -initrd "$scratch/initrd"
		-append "$cmdline"
		-drive "if=none,id=root,file=$(q "$root/root.img"),format=raw,snapshot=on,cache=unsafe"
		-device virtio-blk-pci,drive=root)
	host_dir src "$src_dir"
	host_dir build "$scratch/build"
	[[ -z $share ]] || host_dir share "$(cd "$share" && pwd -P)"

	if [[ -n $icount ]]; then
		machine+=(-accel tcg,thread=single -icount shift=0,sleep=off
			-smp 1 -cpu "max,cx16=off,erms=off,fsrm=off")
	elif have_kvm; then
		machine+=(-accel kvm -smp "${smp:-2}" -cpu max)
	else
		machine+=(-accel tcg,thread=multi -smp "${smp:-2}"
			-cpu "max,cx16=off")
	fi
	# snapshot=on puts the disk's changes there.
	export TMPDIR=$scratch
}

machine_shell() {
	make_initrd "s$load${share:+h}" "$guest" "$slow"
	"${machine[@]}" -serial mon:stdio
}

# Kernel lines that fail a run, and the few that look like it but are not.
complaints='WARNING: |BUG: |\] BUG [a-z]|Oops|KASAN|KFENCE|UBSAN|Kernel panic'
complaints+='|general protection fault(:|, )|cut here|refcount_t:|ODEBUG:'
complaints+='|INFO: (rcu|task|trying|possible|suspicious)|(soft|hard) LOCKUP'
complaints+='|soft lockup|rcu.*stall|blocked for more than|(list|slab).*corrupt'
complaints+='|kmemleak: .* new suspected'
benign='Spectre V2 : WARNING: Unprivileged eBPF is enabled'

# own_races : the console, with the races between two parts of the kernel no longer
# called bugs. They are not the project's, are many, and are the reason that KCSAN
# must not panic. A report that names the module in either stack stays, whosever the
# data are, and so does whatever else was printed meanwhile; but for the one of
# ns_capable_noaudit(), which marks its caller, with that caller's own timer interrupt:
# anybody's who calls it. Reports are between lines of "=".
own_races() {
	awk -v said="$scratch/races" '
		/\] =+\r?$/ && !within { within = 1; held = $0; next }
		within { held = held "\n" $0 }
		within && !/\] =+\r?$/ { next }
		within {
			within = 0
			if (held !~ /\[pmemctl\]/ ||
			    held ~ /data-race in acct_account_cputime \/ ns_capable_noaudit[\r\n]/)
				others += sub(/BUG: KCSAN: /, "own race: ", held)
			print held
			next
		}
		{ print }
		END {
			if (within)
				print held
			print others + 0 >said
		}' "$scratch/console"
}

# Show the console from the first complaint on; false when there is none. The
# readers take all of their input: a broken pipe would pass for "none".
complained() {
	local first console=$scratch/console

	if wanted CONFIG_KCSAN; then
		console=$scratch/ours
		own_races >"$console"
		say "$guest: $(<"$scratch/races") data races of the kernel's own, not counted"
	fi
	first=$(grep -anE "$complaints" "$console" |
		grep -vE "$benign" | sed -n 1p) || return 1
	sed -n "${first%%:*},+59p" "$console" | show
	return 0
}

show() {
	tr -d '\r' | sed 's/^/guest: /' >&2
}

# Run the machine to its end; QEMU's status in $machine_rc.
machine_once() {
	local frames i

	rm -f "$scratch/status"
	: >"$scratch/console"
	exec {frames}> >(exec "$boot/demux" "$scratch/status")
	demux=$!
	timeout -k 5 "$limit" "${machine[@]}" \
		-serial "file:$scratch/console" -device virtio-serial-pci \
		-chardev "file,id=frames,path=/dev/fd/$frames" \
		-device virtserialport,chardev=frames,nr=1 \
		</dev/null >"$scratch/qemu" 2>&1 &
	qemu=$!
	exec {frames}>&-

	# A machine that hangs while booting is ended early, as one that died.
	for ((i = 0; i < boot_limit * slow * 10; i++)); do
		[[ ! -e $scratch/status ]] && kill -0 "$demux" 2>/dev/null ||
			break
		sleep 0.1
	done
	[[ -e $scratch/status ]] || kill "$qemu" 2>/dev/null || true

	# After the last frame there is nothing to wait for. Without one, the
	# machine is ending by itself or the time limit ends it.
	if wait "$demux"; then
		kill "$qemu" 2>/dev/null || true
	fi
	demux=
	machine_rc=0
	wait "$qemu" || machine_rc=$?
	qemu=
}

# Emulating several CPUs, QEMU now and then trips the kernel while that patches
# itself at boot. A kernel that dies or hangs before anything of the project's
# was loaded says nothing about the project: try again.
boot_limit=90
machine_boot() {
	local try

	for try in 1 2 3; do
		machine_once
		[[ ! -e $scratch/status && -s $scratch/console ]] || return 0
		[[ $machine_rc -ne 124 && $machine_rc -ne 137 ]] || return 0
		cp "$scratch/console" "$cache/logs/console-$guest.boot"
		[[ $try -eq 3 ]] ||
			say "guest $guest died while booting; trying again"
	done
}

machine_run() {
	local kind='' number=''

	make_initrd "$load$leaks${share:+h}." "$guest" "$slow" "$@"
	machine_boot
	if complained; then
		die "the kernel of $guest complained"
	fi
	read -r kind number 2>/dev/null <"$scratch/status" || true
	if [[ $kind,$number =~ ^exit,[0-9]+$ ]]; then
		exit "$number"
	elif [[ $kind,$number =~ ^signal,[0-9]+$ ]]; then
		exit $((128 + number))
	fi

	cat "$scratch/qemu" >&2
	tail -n 20 "$scratch/console" | show
	if [[ -n $kind && $kind != started ]]; then
		die "guest $guest: $kind $number"
	elif [[ $machine_rc -eq 124 || $machine_rc -eq 137 ]]; then
		die "guest $guest: timed out after $limit s"
	fi
	die "guest $guest ended without a status"
}
