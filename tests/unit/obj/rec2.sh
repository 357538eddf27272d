R=/src/tests/unit/obj/record
mkdir /tmp/replies; cd /tmp
mkfifo f
fx() {
	n=$1; shift
	"$@" <>f >/tmp/o.$n & 
	for i in $(seq 50); do [ -s /tmp/o.$n ] && break; sleep 0.1; done
	p=$(jq .pid /tmp/o.$n)
	$R $p >/tmp/replies/$n.nl || echo "$n failed" >&2
	kill $p 2>/dev/null
}
fx leader fx-leader
fx iouring fx-iouring --sqpoll
fx unmapped fx-unmapped
cat > W.java <<'J'
class W { public static void main(String[] a) throws Exception { for (int i=0;i<4;i++) new Thread(() -> { long x=0; while(true) x++; }).start(); Thread.sleep(100000);} }
J
cp /src/tests/guest/Busy.java . 2>/dev/null
java -version >&2
javac W.java 2>/dev/null && java -Xmx64m W & 
[ -e W.class ] || java -Xmx64m -XX:TieredStopAtLevel=1 W.java &
sleep 40
J=$(pgrep -x java | head -1); echo java $J >&2
pmemctl show $J >&2; $R $J > replies/jvm.nl
gdb -q -nx -batch -ex "info threads" -p $J >/dev/null 2>&1 
redis-server --port 0 --unixsocket /tmp/redis.sock --save "" --io-threads 3 >/dev/null & sleep 3
P=$(pgrep -x redis-server| head -1); pmemctl show $P >&2; $R $P > replies/redis.nl
pmemctl threads $P -o tid,comm,kind,stack,sp_state,evidence >&2
sh -c 'pmemctl show -J 1 $$ 999999 2 | jq -c "map(.process.pid)"' >&2
cat /proc/$P/maps > replies/redis.maps
tar cf - replies
