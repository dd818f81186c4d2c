// SPDX-License-Identifier: Apache-2.0

// A program that does not use the heap profile, so that its linker turns it off. On each line of
// stdin it says how many objects of each size it has, by its own statistics: "size count".
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
)

var kept [][]byte

func main() {
	for size := 1 << 10; size <= 1<<20; size *= 4 {
		for i := 0; i < 100; i++ {
			kept = append(kept, make([]byte, size))
			_ = make([]byte, size) // to be freed
		}
	}
	for i := 0; i < len(kept); i += 2 {
		kept[i] = nil
	}
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	fmt.Println("READY")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		runtime.ReadMemStats(&stats)
		for _, class := range stats.BySize {
			if class.Size >= 512 {
				fmt.Println(class.Size, class.Mallocs-class.Frees)
			}
		}
		fmt.Println("total", stats.HeapAlloc)
		fmt.Println("END")
	}
}
