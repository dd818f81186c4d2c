// SPDX-License-Identifier: Apache-2.0

// A library for C (-buildmode=c-shared or c-archive): goroutines that wait, a thread of C's that
// waits in Go, and one that uses CPU time here whenever it is called.
package main

import "C"

import (
	"runtime"
	"sync"
	"time"
)

var ready sync.WaitGroup
var kept [][]byte
var sink uint64

//go:noinline
func waitInLibrary(c chan int) {
	ready.Done()
	<-c
}

//go:noinline
func allocate(count int) {
	for i := 0; i < count; i++ {
		kept = append(kept, make([]byte, 64<<10))
	}
}

//export Start
func Start(count C.int) {
	c := make(chan int)
	ready.Add(int(count))
	for i := 0; i < int(count); i++ {
		go waitInLibrary(c)
	}
	ready.Wait()
	allocate(400)
	var stats runtime.MemStats
	runtime.MemProfile(nil, true) // or the linker leaves the profile out
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	time.Sleep(20 * time.Millisecond)
}

//export Hold
func Hold() {
	<-make(chan int)
}

//export Work
func Work() {
	for i := 0; i < 3000000; i++ {
		sink = sink*6364136223846793005 + 1442695040888963407
	}
}

func main() {}
