// SPDX-License-Identifier: Apache-2.0

// A given number of goroutines that wait, and one that is woken every millisecond and notes
// how late: what stops a program shows there. Questions on stdin, see leaks.go.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"sort"
	"strconv"
	"sync"
	"time"
)

var ready sync.WaitGroup

//go:noinline
func receive(c chan int) {
	ready.Done()
	<-c
}

//go:noinline
func choose(a, b chan int) {
	ready.Done()
	select {
	case <-a:
	case <-b:
	}
}

//go:noinline
func outer(m *sync.Mutex) {
	ready.Done()
	m.Lock()
}

var mutex sync.Mutex
var gaps []int64

func tick() {
	last := time.Now()
	for now := range time.NewTicker(time.Millisecond).C {
		_ = now
		at := time.Now()
		mutex.Lock()
		gaps = append(gaps, int64(at.Sub(last)))
		mutex.Unlock()
		last = at
	}
}

// Nanoseconds: the middle, 99 of 100, the longest; and forgets them.
func report(out io.Writer) {
	mutex.Lock()
	seen := gaps
	gaps = make([]int64, 0, len(seen))
	mutex.Unlock()
	sort.Slice(seen, func(i, j int) bool { return seen[i] < seen[j] })
	if len(seen) == 0 {
		seen = []int64{0}
	}
	fmt.Fprintln(out, seen[len(seen)/2], seen[len(seen)*99/100], seen[len(seen)-1], len(seen))
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	var locked sync.Mutex
	locked.Lock()
	c, d := make(chan int), make(chan int)
	ready.Add(count)
	for i := 0; i < count; i++ {
		switch i % 3 {
		case 0:
			go receive(c)
		case 1:
			go choose(c, d)
		case 2:
			go outer(&locked)
		}
	}
	ready.Wait()
	go tick()
	time.Sleep(100 * time.Millisecond)
	fmt.Println("READY")
	out := bufio.NewWriter(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "gaps" {
			report(out)
		} else if detail, err := strconv.Atoi(in.Text()); err == nil {
			start := time.Now()
			pprof.Lookup("goroutine").WriteTo(io.Discard, detail)
			fmt.Fprintln(out, time.Since(start).Nanoseconds())
		}
		fmt.Fprintln(out, "END")
		out.Flush()
	}
}
