// SPDX-License-Identifier: Apache-2.0

// A program that never calls runtime.ReadMemStats, as most do not: its linker leaves out the
// function that names all these variables. On each line of stdin it says the figures of its
// memory as runtime/metrics and runtime/debug have them, "name value", and stands still.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

var kept [][]byte

var names = []string{
	"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes",
	"/memory/classes/heap/free:bytes", "/memory/classes/heap/released:bytes",
	"/memory/classes/heap/stacks:bytes", "/memory/classes/total:bytes",
	"/gc/cycles/forced:gc-cycles",
}

func answer(samples []metrics.Sample, stats *debug.GCStats) {
	metrics.Read(samples)
	debug.ReadGCStats(stats)
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	fmt.Println("HeapInuse", value(0)+value(1))
	fmt.Println("HeapIdle", value(2)+value(3))
	fmt.Println("HeapReleased", value(3))
	fmt.Println("StackInuse", value(4))
	fmt.Println("Sys", value(5))
	fmt.Println("NumForcedGC", value(6))
	fmt.Println("NumGC", stats.NumGC)
	fmt.Println("PauseTotalNs", int64(stats.PauseTotal))
	fmt.Println("END")
}

func main() {
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	for i := 0; i < 1000; i++ {
		kept = append(kept, make([]byte, 10000))
	}
	for i := 0; i < 5; i++ {
		runtime.GC()
	}
	debug.SetGCPercent(-1)
	var stats debug.GCStats
	fmt.Println("READY")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		answer(samples, &stats)
	}
}
