// SPDX-License-Identifier: Apache-2.0

// Goroutines that use CPU time as 4 : 3 : 2 : 1, each in a function of its own and with a
// label, next to many that wait; for a time, or until stdin ends. CPU time is shared out by
// work done, in small pieces and under one lock, so that it holds on any number of CPUs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"
)

var sink uint64
var done [4]uint64
var stop int32

//go:noinline
func churn(seed uint64) uint64 {
	for i := 0; i < 100000; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
	}
	return seed
}

//go:noinline
func shareFour() { sink = churn(sink); sink = churn(sink); sink = churn(sink); sink = churn(sink) }

//go:noinline
func shareThree() { sink = churn(sink); sink = churn(sink); sink = churn(sink) }

//go:noinline
func shareTwo() { sink = churn(sink); sink = churn(sink) }

//go:noinline
func shareOne() { sink = churn(sink) }

var shares = [4]func(){shareFour, shareThree, shareTwo, shareOne}
var names = [4]string{"four", "three", "two", "one"}

// One turn each, in a ring: whoever has the token works its share.
func worker(index int, in, out chan int) {
	pprof.Do(context.Background(), pprof.Labels("share", names[index]), func(context.Context) {
		for token := range in {
			shares[index]()
			done[index]++
			out <- token
		}
	})
}

//go:noinline
func waiter(c chan int) {
	<-c
}

//go:noinline
func sleeper() {
	for atomic.LoadInt32(&stop) == 0 {
		time.Sleep(20 * time.Millisecond)
	}
}

var garbage []byte

//go:noinline
func allocate() {
	for atomic.LoadInt32(&stop) == 0 {
		garbage = make([]byte, 256<<10)
		time.Sleep(5 * time.Millisecond)
	}
}

func main() {
	var ring [4]chan int
	never := make(chan int)

	for i := range ring {
		ring[i] = make(chan int, 4)
	}
	for i := range ring {
		go worker(i, ring[i], ring[(i+1)%4])
	}
	for i := 0; i < 100; i++ {
		go waiter(never)
	}
	go sleeper()
	go allocate()
	runtime.Gosched()
	ring[0] <- 1
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	atomic.StoreInt32(&stop, 1)
	fmt.Println(done[0], done[1], done[2], done[3])
}
