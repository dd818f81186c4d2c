// SPDX-License-Identifier: Apache-2.0

//go:build cgo && withcgo
// +build cgo,withcgo

package main

/*
#include <unistd.h>
static int wait_in_c(int fd) { char c; return (int)read(fd, &c, 1); }
*/
import "C"
import "os"

func inC(fd int) {
	ready.Done()
	C.wait_in_c(C.int(fd))
}

// Two goroutines that wait in C for ever.
func extra() {
	read, write, err := os.Pipe()
	if err != nil {
		os.Exit(1)
	}
	heldFiles = append(heldFiles, read, write)
	ready.Add(2)
	go inC(int(read.Fd()))
	go inC(int(read.Fd()))
	ready.Wait()
}
