set -e
R=/src/tests/unit/obj/record
mkdir /tmp/replies; cd /tmp
mkfifo f
fx() { # name cmd...
	n=$1; shift
	"$@" <>f >/tmp/o.$n & 
	for i in $(seq 50); do [ -s /tmp/o.$n ] && break; sleep 0.1; done
	p=$(jq .pid /tmp/o.$n)
	$R $p >/tmp/replies/$n.nl || echo "$n failed" >&2
	(echo "=== $n"; pmemctl show $p) >&2
	kill $p 2>/dev/null
}
fx static fx-static
fx static-static fx-static-static
fx threads fx-threads 6
fx user-stack fx-threads 4 --user-stack
fx altstack fx-altstack
fx context fx-context
fx clonevm fx-clonevm 2
fx vfork fx-vfork
fx maps fx-maps
fx paths fx-paths
fx nopie fx-static-nopie
fx leader fx-leader
tar cf - replies
