// SPDX-License-Identifier: Apache-2.0

// Goroutines that use CPU time in C, once with frame pointers and once without, and in Go that
// C has called; each with a label. Others wait in C. Until stdin ends.
package main

/*
#include <stdint.h>
uint64_t framed_outer(uint64_t seed);
uint64_t bare_outer(uint64_t seed);
void calls_back(void);
int wait_in_c(int fd);
*/
import "C"

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"time"
)

var sink uint64

//go:noinline
func churn(seed uint64) uint64 {
	for i := 0; i < 3000000; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
	}
	return seed
}

//export workInGo
func workInGo() { sink += churn(sink) }

//go:noinline
func framed() { sink += uint64(C.framed_outer(C.uint64_t(sink))) }

//go:noinline
func bare() { sink += uint64(C.bare_outer(C.uint64_t(sink))) }

//go:noinline
func back() { C.calls_back() }

// One of them at a time, so that each has the same share however many CPUs there are.
func worker(name string, work func(), in, out chan int) {
	pprof.Do(context.Background(), pprof.Labels("work", name), func(context.Context) {
		for token := range in {
			work()
			out <- token
		}
	})
}

//go:noinline
func waits(fd int) { C.wait_in_c(C.int(fd)) }

func main() {
	names := [3]string{"framed", "bare", "back"}
	works := [3]func(){framed, bare, back}
	var ring [3]chan int

	for i := range ring {
		ring[i] = make(chan int, 3)
	}
	for i := range ring {
		go worker(names[i], works[i], ring[i], ring[(i+1)%3])
	}
	read, write, err := os.Pipe()
	if err != nil {
		os.Exit(1)
	}
	for i := 0; i < 4; i++ {
		go waits(int(read.Fd()))
	}
	time.Sleep(50 * time.Millisecond)
	ring[0] <- 1
	fmt.Println("READY")
	io.Copy(io.Discard, os.Stdin)
	write.Close()
}
