// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || !withcgo
// +build !cgo !withcgo

package main

func extra() {}
