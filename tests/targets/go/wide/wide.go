// SPDX-License-Identifier: Apache-2.0

// A large program that is alive: COUNT goroutines that wait at three places, of which one in a
// hundred goes on to the next place each tenth of a second. Ends when its input does.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

const pools = 100

//go:noinline
func accept(c chan int) { <-c }

//go:noinline
func receive(c chan int) { <-c }

//go:noinline
func choose(c, never chan int) {
	select {
	case <-c:
	case <-never:
	}
}

func serve(c, never chan int, at int) {
	for ; ; at++ {
		switch at % 3 {
		case 0:
			accept(c)
		case 1:
			receive(c)
		case 2:
			choose(c, never)
		}
	}
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	never := make(chan int)
	var channels [pools]chan int
	for i := range channels {
		channels[i] = make(chan int)
	}
	for i := 0; i < count; i++ {
		go serve(channels[i%pools], never, i)
	}
	go func() {
		for at := range time.NewTicker(100 * time.Millisecond).C {
			for i := 0; i < count/100; i++ {
				select {
				case channels[int(at.UnixMilli()/100)%pools] <- i:
				default:
				}
			}
		}
	}()
	time.Sleep(100 * time.Millisecond)
	fmt.Println("READY")
	io.Copy(io.Discard, os.Stdin)
}
