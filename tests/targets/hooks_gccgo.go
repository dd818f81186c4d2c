// SPDX-License-Identifier: Apache-2.0

// What the hooks of libgo need of a goroutine's stack: as hooks.h measures it, but the least of many
// calls, as the runtime's own work comes in between.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	mark = 0xa5
	area = 16384
	own  = 256 // of measure and what paints
)

//go:noinline
func paint(low, high uintptr) {
	for at := low; at < high; at++ {
		*(*byte)(unsafe.Pointer(at)) = mark
	}
}

//go:noinline
func depth(low, high uintptr) uintptr {
	for low < high && *(*byte)(unsafe.Pointer(low)) == mark {
		low++
	}
	return high - low
}

//go:noinline
func measure(call func()) uintptr {
	var here byte
	high := uintptr(unsafe.Pointer(&here)) - own
	least := uintptr(area)

	for i := 0; i < 20; i++ {
		paint(high-area, high)
		call()
		if bytes := depth(high-area, high) + own; bytes < least {
			least = bytes
		}
	}
	return least
}

func measureAll(done chan bool) {
	ready, back := make(chan bool), make(chan bool)
	names := []string{"go", "Gosched", "a wait", "a wake", "a system call"}
	calls := []func(){
		func() { go func() {}() },
		runtime.Gosched,
		func() { <-ready },
		func() { back <- true },
		func() { syscall.Close(-1) },
	}
	used := make([]uintptr, len(calls))

	go func() {
		for {
			ready <- true
		}
	}()
	go func() {
		for {
			<-back
		}
	}()
	for i, call := range calls {
		used[i] = measure(call)
	}
	for i, name := range names {
		fmt.Fprintf(os.Stderr, "%s: %d bytes of stack used\n", name, used[i])
		fmt.Printf("%s\n", name)
	}
	done <- true
}

func main() {
	done := make(chan bool)

	runtime.GOMAXPROCS(1)
	go measureAll(done)
	<-done
}
