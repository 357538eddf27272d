# SPDX-License-Identifier: GPL-2.0
#
# make			module and CLI for the running kernel
# make demo		see it work, in a guest that is made for it
# make check		all tests, in guests
# make check-debug	the guests' tests on kernels with KASAN, lockdep, kmemleak, KCSAN
# make fuzz		the command's readers on any bytes; RUNS=N: so many of each
# make fire		all that attacks module and command, at length, and a table of it
# make races		threads, exec and exit at full speed, 10 minutes in each guest
# make bench		what it costs, beside other ways to know, in a guest
# make load		insert the module that was built; make unload
# make install		module, CLI, man page and completion; make uninstall
# make clean
#
# KDIR, DESTDIR and PREFIX as usual.

KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build
DESTDIR	?=
PREFIX	?= /usr/local

SUDO	= $(if $(filter 0,$(shell id -u)),,sudo)
KMAKE	= $(MAKE) -C "$(KDIR)" M="$(CURDIR)/kmod"

# What the kernel will call itself: in Debian's headers for 6.1, neither "make
# kernelrelease" nor include/config/kernel.release says that.
RELEASE	= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' \
	  "$(KDIR)/include/generated/utsrelease.h")

all: module cli

headers:
	@test -e "$(KDIR)/Makefile" || { \
		echo "no kernel headers in $(KDIR): apt install linux-headers-$(KVER), or set KDIR" >&2; \
		exit 1; }

module: headers
	$(KMAKE) modules

cli:
	$(MAKE) -C user

fixtures:
	$(MAKE) -C tests/fixtures
	$(MAKE) -C tests/fire

meter:
	$(MAKE) -C tests/bench

demo:
	tests/demo

check:
	tests/check

check-debug:
	tests/check $(foreach guest,debug-6.1 debug-7.3 kcsan-7.3,harness-$(guest) $(guest))

fuzz:
	tests/fuzz/run check $(TARGETS)

fire:
	tests/fire/run

races:
	tests/races

bench:
	tests/bench/run
	tests/bench/lock

load: module
	@if test -e /sys/module/pmemctl; then $(SUDO) rmmod pmemctl; fi
	$(SUDO) insmod kmod/pmemctl.ko

unload:
	$(SUDO) rmmod pmemctl

# depmod only where the modules are in use, not into a package's DESTDIR.
install: all
	$(KMAKE) modules_install $(if $(DESTDIR),INSTALL_MOD_PATH="$(DESTDIR)") DEPMOD=true
	$(if $(DESTDIR),,depmod -a "$(RELEASE)")
	$(MAKE) -C user install DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)"

uninstall: headers
	find "$(DESTDIR)/lib/modules/$(RELEASE)" -name 'pmemctl.ko*' -delete
	$(if $(DESTDIR),,depmod -a "$(RELEASE)")
	$(MAKE) -C user uninstall DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)"

# Without kernel headers, too: what kbuild leaves behind is known.
clean:
	find kmod \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -delete
	$(MAKE) -C user clean
	$(MAKE) -C tests/fire clean
	$(MAKE) -C tests/fixtures clean
	$(MAKE) -C tests/bench clean
	$(MAKE) -C tests/unit clean
	$(MAKE) -C tests/fuzz clean

.PHONY: all headers module cli fixtures meter demo check check-debug fuzz fire races bench \
	load unload install uninstall clean
