// SPDX-License-Identifier: Apache-2.0

// Goroutines of gccgo. usage:
//
//	coro_gccgo count GOROUTINES ROUNDS PROCS   made, switched to and ended: counted by itself
//	coro_gccgo looked GOROUTINES TIMES         looked at by the collector and by runtime.Stack
//	coro_gccgo barrier GOROUTINES MS           that park while the collector marks, and are left
//	                                           so long afterwards
//	coro_gccgo churn SECONDS                   with the collector at work, checked by itself
//	coro_gccgo parked EACH                     waiting for everything that there is to wait for;
//	                                           prints its own dump, goes on when stdin ends
//	coro_gccgo deep BYTES                      beyond the first piece of a stack
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

//extern malloc
func cMalloc(bytes uintptr) unsafe.Pointer

//extern free
func cFree(block unsafe.Pointer)

//go:noinline
func siteInGoroutine(bytes uintptr) unsafe.Pointer {
	return cMalloc(bytes)
}

func number(index, otherwise int) int {
	if len(os.Args) > index {
		value, err := strconv.Atoi(os.Args[index])
		if err == nil {
			return value
		}
	}
	return otherwise
}

// ---- count ----

//go:noinline
func counted(rounds int, all *sync.WaitGroup) {
	block := siteInGoroutine(99)
	for i := 0; i < rounds; i++ {
		runtime.Gosched()
	}
	cFree(block)
	all.Done()
}

func count() {
	goroutines, rounds := number(2, 100), number(3, 5)
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(number(4, 1))
	var all sync.WaitGroup
	all.Add(goroutines)
	for i := 0; i < goroutines; i++ {
		go counted(rounds, &all)
	}
	all.Wait()
	for runtime.NumGoroutine() > 1 {
		runtime.Gosched()
	}
	fmt.Printf("{\"created\": %d, \"switches\": %d, \"finished\": %d}\n", goroutines,
		goroutines*(rounds+1), goroutines)
}

// ---- looked ----

func looked() {
	goroutines, times := number(2, 100), number(3, 10)
	var begun, all sync.WaitGroup
	begun.Add(goroutines)
	all.Add(goroutines)
	for i := 0; i < goroutines; i++ {
		go func() {
			begun.Done()
			<-closing
			all.Done()
		}()
	}
	begun.Wait()
	time.Sleep(200 * time.Millisecond)
	for i := 0; i < times; i++ {
		runtime.GC()
		runtime.Stack(make([]byte, 1<<20), true)
	}
	close(closing)
	all.Wait()
	for runtime.NumGoroutine() > 1 {
		runtime.Gosched()
	}
	fmt.Printf("{\"created\": %d, \"switches\": %d, \"finished\": %d}\n", goroutines,
		goroutines*2, goroutines)
}

// ---- barrier ----

func barrier() {
	goroutines := number(2, 500)
	debug.SetGCPercent(1)
	runtime.GOMAXPROCS(4)
	for i := 0; i < 2; i++ {
		go func() {
			for {
				grow(2000, 1)
			}
		}()
	}
	for i := 0; i < goroutines; i++ {
		go waitReceive()
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(time.Duration(number(3, 200)) * time.Millisecond)
	fmt.Printf("{\"created\": %d}\n", goroutines)
	os.Exit(0)
}

// ---- churn ----

type node struct {
	next  *node
	value [6]uint64
}

//go:noinline
func grow(depth int, value uint64) *node {
	if depth == 0 {
		return nil
	}
	made := &node{next: grow(depth-1, value)}
	for i := range made.value {
		made.value[i] = value
	}
	return made
}

func short(value uint64, results chan uint64) {
	var sum uint64
	list := grow(40, value)
	runtime.Gosched()
	for at := list; at != nil; at = at.next {
		sum += at.value[5]
	}
	results <- sum
}

func churn() {
	end := time.Now().Add(time.Duration(number(2, 2)) * time.Second)
	debug.SetGCPercent(20)
	runtime.GOMAXPROCS(4)
	results := make(chan uint64)
	var made, wrong int
	for round := uint64(1); time.Now().Before(end); round++ {
		for i := 0; i < 50; i++ {
			go short(round, results)
		}
		for i := 0; i < 50; i++ {
			if <-results != 40*round {
				wrong++
			}
		}
		made += 50
		if round%50 == 0 {
			runtime.Stack(make([]byte, 1<<16), true)
		}
	}
	for runtime.NumGoroutine() > 1 {
		runtime.Gosched()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Printf("{\"created\": %d, \"wrong\": %d, \"collections\": %d}\n", made, wrong,
		memory.NumGC)
}

// ---- parked ----

var (
	closing = make(chan bool)
	lock    sync.Mutex
	cond    = sync.NewCond(&sync.Mutex{})
)

func waitReceive() { <-closing }

func waitSend(to chan int) {
	select {
	case to <- 1:
	case <-closing:
	}
}

func waitSleep() { time.Sleep(time.Hour) }

func waitLock() {
	lock.Lock()
	lock.Unlock()
}

func waitCond() {
	cond.L.Lock()
	cond.Wait()
	cond.L.Unlock()
}

func waitForever() { select {} }

func waitNetwork(connection net.Conn) {
	connection.Read(make([]byte, 1))
}

func waitSystemCall(fd int) {
	syscall.Read(fd, make([]byte, 1))
}

func parked() {
	each := number(2, 3)
	var pipe [2]int
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || syscall.Pipe(pipe[:]) != nil {
		panic("cannot listen")
	}
	lock.Lock()
	for i := 0; i < each; i++ {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			panic(err)
		}
		go waitReceive()
		go waitSend(make(chan int))
		go waitSleep()
		go waitLock()
		go waitCond()
		go waitForever()
		go waitNetwork(connection)
		go waitSystemCall(pipe[0])
	}
	dump, bytes := make([]byte, 1<<22), 0
	for tries := 0; tries < 100; tries++ {
		time.Sleep(200 * time.Millisecond)
		bytes = runtime.Stack(dump, true)
		if !strings.Contains(string(dump[:bytes]), "[runnable") {
			break // all have come to where they wait
		}
	}
	os.Stdout.Write(dump[:bytes])
	fmt.Printf("\ngoroutines %d\nready\n", runtime.NumGoroutine())
	syscall.Read(0, make([]byte, 1))
	fmt.Println("done")
}

// ---- deep ----

//go:noinline
func descend(bytes int) uint64 {
	var room [1000]byte
	room[bytes%1000] = 1
	if bytes < 1000 {
		block := siteInGoroutine(77)
		time.Sleep(100 * time.Millisecond)
		cFree(block)
		return uint64(room[bytes%1000])
	}
	return descend(bytes-1000) + uint64(room[bytes%1000])
}

func deep() {
	bytes := number(2, 6<<20)
	result := make(chan uint64)
	for i := 0; i < 3; i++ {
		go func() { result <- descend(bytes) }()
	}
	sum := <-result + <-result + <-result
	fmt.Printf("{\"frames\": %d}\n", sum)
}

func main() {
	modes := map[string]func(){"count": count, "looked": looked, "barrier": barrier, "churn": churn, "parked": parked,
		"deep": deep}
	if len(os.Args) > 1 && modes[os.Args[1]] != nil {
		modes[os.Args[1]]()
		return
	}
	os.Exit(2)
}
