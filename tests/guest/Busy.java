// SPDX-License-Identifier: GPL-2.0
// Threads of a JVM that compute, sleep and wait, until stdin ends.
import java.util.concurrent.CountDownLatch;

public class Busy {
	static volatile long sink;

	static void spin() {
		for (;;)
			sink += System.nanoTime();
	}

	static int deep(int n) {
		return n == 0 ? 0 : 1 + deep(n - 1);
	}

	static void mixed() {
		try {
			for (;;) {
				sink += deep(200);
				Thread.sleep(5);
			}
		} catch (InterruptedException e) {
			return;
		}
	}

	public static void main(String[] args) throws Exception {
		CountDownLatch never = new CountDownLatch(1);
		Runnable[] work = {
			Busy::spin, Busy::mixed, Busy::mixed,
			() -> {
				try {
					never.await();
				} catch (InterruptedException e) {
					return;
				}
			},
		};
		for (Runnable r : work) {
			Thread t = new Thread(r);
			t.setDaemon(true);
			t.start();
		}
		System.out.println("ready");
		while (System.in.read() >= 0)
			;
	}
}
