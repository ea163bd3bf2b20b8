# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests here share: TAP output as in kselftest, and files below /sys/devices/system/memory.
#
# MHP_BLOCKS: memory blocks that a test may take offline and bring back, without it all that are in the Movable zone.

LC_ALL=C
export LC_ALL
SYSFS=/sys/devices/system/memory
KSFT_SKIP=4
count=0
failed=0

begin() {
	echo "TAP version 13"
	if [ "$(id -u)" != 0 ]; then
		echo "1..0 # SKIP must be run as root"
		exit $KSFT_SKIP
	fi
	for file in "$@"; do
		if [ ! -e "$SYSFS/$file" ]; then
			echo "1..0 # SKIP no $file"
			exit $KSFT_SKIP
		fi
	done
}

# check WHAT EXPECTED GOT
check() {
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count $1"
	else
		failed=$((failed + 1))
		echo "not ok $count $1"
		printf '# expected: %s\n# got: %s\n' "$2" "$3"
	fi
}

end() {
	echo "1..$count"
	echo "# pass:$((count - failed)) fail:$failed"
	[ "$failed" = 0 ]
	exit
}

# put FILE: write standard input with a single write(2), print "ok" or what strerror(3) has to say
put() {
	if said=$(dd bs=4M iflag=fullblock conv=notrunc,nocreat status=none of="$SYSFS/$1" 2>&1); then
		echo ok
	else
		echo "${said##*: }"
	fi
}

# put_text FILE TEXT
put_text() {
	printf -- "$2" | put "$1"
}

# put_unprivileged FILE TEXT: opened by root, written to without capabilities
put_unprivileged() {
	printf -- "$2" >/tmp/mhp-selftest.$$
	if said=$(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all \
		  dd bs=4M iflag=fullblock status=none </tmp/mhp-selftest.$$ 2>&1 >"$SYSFS/$1"); then
		echo ok
	else
		echo "${said##*: }"
	fi
	rm -f /tmp/mhp-selftest.$$
}

megabyte() {
	head -c 1048576 /dev/zero | tr '\0' 9
}

state() {
	cat "$SYSFS/memory$1/state"
}

zone() {
	cut -d ' ' -f 1 "$SYSFS/memory$1/valid_zones"
}

blocks() {
	if [ -n "$MHP_BLOCKS" ]; then
		echo "$MHP_BLOCKS"
		return
	fi
	for dir in "$SYSFS"/memory[0-9]*; do
		if [ "$(cat "$dir/state")" = online ] && [ "$(cat "$dir/valid_zones")" = Movable ]; then
			printf '%s ' "${dir##*/memory}"
		fi
	done
}

# need N: set $1.. to N blocks, or skip
need() {
	found=$(blocks)
	# shellcheck disable=SC2086
	set -- "$1" $found
	if [ $(($# - 1)) -lt "$1" ]; then
		echo "1..0 # SKIP fewer than $1 memory blocks in the Movable zone"
		exit $KSFT_SKIP
	fi
}
