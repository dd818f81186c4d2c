// SPDX-License-Identifier: Apache-2.0

// One thread sleeps in the kernel, where no signal and no debugger wakes it, as on a server of
// files that does not answer: here it waits for a child of vfork that does nothing. On each line of
// stdin the program says for how long it stood still at most since the line before, in ms.
package main

/*
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static void wait_for_child(void)
{
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); // ends with the thread
		for (;;)
			pause();
	}
}
*/
import "C"
import (
	"bufio"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

var longest int64

func tick() {
	for last := time.Now(); ; {
		time.Sleep(5 * time.Millisecond)
		now := time.Now()
		if gap := now.Sub(last).Milliseconds(); gap > atomic.LoadInt64(&longest) {
			atomic.StoreInt64(&longest, gap)
		}
		last = now
	}
}

func main() {
	go C.wait_for_child()
	go tick()
	time.Sleep(50 * time.Millisecond)
	fmt.Println("READY")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(atomic.SwapInt64(&longest, 0))
		fmt.Println("END")
	}
}
