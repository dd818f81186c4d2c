// SPDX-License-Identifier: Apache-2.0

// Loads a plugin and starts a goroutine in it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"plugin"
	"time"
)

func main() {
	loaded, err := plugin.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	symbol, err := loaded.Lookup("Wait")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go symbol.(func(chan int))(make(chan int))
	time.Sleep(50 * time.Millisecond)
	fmt.Println("READY")
	bufio.NewScanner(os.Stdin).Scan()
}
