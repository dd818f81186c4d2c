// SPDX-License-Identifier: Apache-2.0

// The classic leaks, each COUNT times, and a door through which a test asks the program for
// its own view: every line on stdin names a profile, whose text comes back on stdout followed
// by a line "END". Goroutines stand still between two questions.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var ready sync.WaitGroup
var kept [][]byte // what the heap profile shows

//go:noinline
func receiveNobodyCloses(c chan int) {
	ready.Done()
	<-c
}

//go:noinline
func sendNobodyReceives(c chan int) {
	ready.Done()
	c <- 1
}

//go:noinline
func forgottenTimer() {
	ready.Done()
	time.Sleep(10 * time.Hour)
}

//go:noinline
func lockNeverReleased(m *sync.Mutex) {
	ready.Done()
	m.Lock()
}

//go:noinline
func selectOfTwo(a, b chan int) {
	ready.Done()
	select {
	case <-a:
	case b <- 1:
	}
}

//go:noinline
func waitForNobody(w *sync.WaitGroup) {
	ready.Done()
	w.Wait()
}

//go:noinline
func waitCondition(c *sync.Cond) {
	c.L.Lock()
	ready.Done()
	c.Wait()
}

func nilChannel() {
	var c chan int
	ready.Done()
	<-c
}

func emptySelect() {
	ready.Done()
	select {}
}

// Small enough to be inlined into its caller.
func inlined(c chan int) int {
	return <-c + 1
}

//go:noinline
func callsInlined(c chan int) {
	ready.Done()
	inlined(c)
}

type receiver struct{ c chan int }

func (r receiver) wait() {
	ready.Done()
	<-r.c
}

type waiter interface{ wait() }

//go:noinline
func deep(n int, c chan int) int {
	if n == 0 {
		ready.Done()
		return <-c
	}
	return deep(n-1, c) + 1
}

//go:noinline
func labelled(c chan int) {
	pprof.Do(context.Background(), pprof.Labels("tenant", "blue", "shard", "7"), func(context.Context) {
		ready.Done()
		<-c
	})
}

// A thread of its own, in a system call for ever.
func lockedInSyscall(r *os.File) {
	runtime.LockOSThread()
	ready.Done()
	buffer := make([]byte, 1)
	r.Read(buffer)
}

func handlerOutlivesRequest(count int) {
	c := make(chan int)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) {
		ready.Done()
		<-c
	})
	go http.Serve(listener, nil)
	for i := 0; i < count; i++ {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			connection.(*net.TCPConn).CloseWrite()
			connection.Close()
		}
		connection, err = net.Dial("tcp", listener.Addr().String())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintf(connection, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
		heldOpen = append(heldOpen, connection)
	}
}

var heldOpen []net.Conn

//go:noinline
func allocate(size, count int) {
	for i := 0; i < count; i++ {
		kept = append(kept, make([]byte, size))
	}
}

func start(count int) {
	var mutex sync.Mutex
	mutex.Lock()
	var group sync.WaitGroup
	group.Add(1)
	condition := sync.NewCond(&sync.Mutex{})
	c := make(chan int)
	full := make(chan int)
	read, write, err := os.Pipe()
	if err != nil {
		os.Exit(1)
	}
	heldFiles = append(heldFiles, read, write)
	ready.Add(13*count + 1)
	for i := 0; i < count; i++ {
		go receiveNobodyCloses(c)
		go sendNobodyReceives(full)
		go forgottenTimer()
		go lockNeverReleased(&mutex)
		go selectOfTwo(c, full)
		go waitForNobody(&group)
		go waitCondition(condition)
		go nilChannel()
		go emptySelect()
		go callsInlined(c)
		go waiter(receiver{c}).wait()
		go deep(40, c)
		go labelled(c)
	}
	go lockedInSyscall(read)
	ready.Wait()
	ready.Add(3)
	handlerOutlivesRequest(3)
	ready.Wait()
}

var heldFiles []*os.File

func answer(question string, out *bufio.Writer) {
	words := strings.Fields(question)
	detail := 1
	if len(words) > 1 {
		detail, _ = strconv.Atoi(words[1])
	}
	if len(words) > 0 {
		switch words[0] {
		case "gc":
			runtime.GC()
			runtime.GC()
		case "memstats":
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			fmt.Fprintf(out, "NumGC %d\nHeapInuse %d\nHeapReleased %d\nHeapIdle %d\n"+
				"HeapSys %d\nStackInuse %d\nSys %d\nPauseTotalNs %d\nTotalAlloc %d\nHeapAlloc %d\n"+
				"NumForcedGC %d\nLastGC %d\nLastPause %d\nGCCPUFraction %.17g\nGOMAXPROCS %d\n",
				stats.NumGC, stats.HeapInuse, stats.HeapReleased, stats.HeapIdle,
				stats.HeapSys, stats.StackInuse, stats.Sys, stats.PauseTotalNs,
				stats.TotalAlloc, stats.HeapAlloc,
				stats.NumForcedGC, stats.LastGC, stats.PauseNs[(stats.NumGC+255)%256],
				stats.GCCPUFraction, runtime.GOMAXPROCS(0))
		case "exec":
			fmt.Fprintln(os.Stderr, syscall.Exec(words[1], words[1:], os.Environ()))
		default:
			if p := pprof.Lookup(words[0]); p != nil {
				p.WriteTo(out, detail)
			}
		}
	}
	fmt.Fprintln(out, "\nEND")
	out.Flush()
}

func contend() {
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	var mutex sync.Mutex
	c := make(chan int)
	mutex.Lock()
	go func() {
		time.Sleep(30 * time.Millisecond)
		mutex.Unlock()
		time.Sleep(20 * time.Millisecond)
		c <- 1
	}()
	mutex.Lock()
	mutex.Unlock()
	<-c
}

func main() {
	count := 10
	if len(os.Args) > 1 {
		count, _ = strconv.Atoi(os.Args[1])
	}
	runtime.MemProfileRate = 512 * 1024
	if len(os.Args) > 2 {
		runtime.MemProfileRate, _ = strconv.Atoi(os.Args[2])
		contend()
	}
	extra()
	start(count)
	allocate(100, 10000)
	allocate(4096, 2000)
	allocate(1<<20, 8)
	time.Sleep(50 * time.Millisecond) // for the last ones to park behind ready.Done()
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1) // the profile stands still until it is asked for
	fmt.Println("READY")
	out := bufio.NewWriter(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		answer(in.Text(), out)
	}
}
