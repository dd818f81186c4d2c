// SPDX-License-Identifier: Apache-2.0

// Goroutines that run all the time: a call of C from deep down, which leaves a place behind that
// the goroutine has saved, then for long the clock, from elsewhere. The clock is asked on the
// thread's own stack and saves no place there. Another one works deeper down than the kernel keeps
// calls of a sample.
package main

/*
static int nothing(int x) { return x + 1; }
*/
import "C"
import (
	"fmt"
	"time"
)

//go:noinline
func deep(n int) int {
	if n == 0 {
		return int(C.nothing(1))
	}
	return deep(n-1) + 1
}

//go:noinline
func clock(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

func turns() {
	for {
		deep(20)
		clock(5 * time.Millisecond)
	}
}

//go:noinline
func burn(n int) int {
	if n > 0 {
		return burn(n-1) + 1
	}
	for i := 0; i < 1000000; i++ {
		n += i % 3
	}
	return n
}

func burner() {
	for {
		burn(300)
	}
}

func main() {
	go burner()
	go turns()
	go turns()
	fmt.Println("READY")
	select {}
}
