// SPDX-License-Identifier: Apache-2.0

// What the host loads.
package main

//go:noinline
func waitInPlugin(c chan int) int { return <-c }

// Wait never returns.
func Wait(c chan int) { waitInPlugin(c) }

func main() {}
