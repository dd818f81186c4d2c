// SPDX-License-Identifier: Apache-2.0

// Goroutines whose stacks prove who they are: each calls zero() and one() by the bits of its
// own number, 24 of them, and parks inside; then it goes on, and is followed by a new one. A
// stack that was put together from two goroutines, or from two moments of one, spells a
// number that is not its goroutine's.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

const bits = 24

var ended int64

// As the runtime prints it: "goroutine 18 [running]:".
func number() uint64 {
	var buffer [64]byte
	text := buffer[:runtime.Stack(buffer[:], false)]
	text = bytes.TrimPrefix(text, []byte("goroutine "))
	text = text[:bytes.IndexByte(text, ' ')]
	n, _ := strconv.ParseUint(string(text), 10, 64)
	return n
}

//go:noinline
func zero(n uint64, left int, c chan int) int { return next(n>>1, left-1, c) + 1 }

//go:noinline
func one(n uint64, left int, c chan int) int { return next(n>>1, left-1, c) + 2 }

//go:noinline
func next(n uint64, left int, c chan int) int {
	if left == 0 {
		return park(c)
	}
	if n&1 == 1 {
		return one(n, left, c)
	}
	return zero(n, left, c)
}

//go:noinline
func park(c chan int) int {
	v, ok := <-c
	if !ok {
		v++
	}
	return v
}

// A stack that grows beneath the parked part is moved by the runtime now and then.
//go:noinline
func grow(n int) int {
	var room [512]byte
	room[n%512] = 1
	if n == 0 {
		return int(room[0])
	}
	return grow(n-1) + int(room[n%512])
}

func live(c chan int, rounds int) {
	n := number()
	for i := 0; i < rounds; i++ {
		next(n, bits, c)
		grow(8)
	}
	atomic.AddInt64(&ended, 1)
	go live(c, rounds)
}

func main() {
	count := 1000
	if len(os.Args) > 1 {
		count, _ = strconv.Atoi(os.Args[1])
	}
	c := make(chan int)
	for i := 0; i < count; i++ {
		go live(c, 2)
	}
	// One waker, which leaves most of them parked at any time.
	go func() {
		for {
			c <- 1
		}
	}()
	go func() {
		for {
			time.Sleep(10 * time.Millisecond)
			runtime.GC()
		}
	}()
	fmt.Println("READY")
	for {
		time.Sleep(time.Second)
		fmt.Println(atomic.SwapInt64(&ended, 0))
	}
}
