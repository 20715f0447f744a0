// SPDX-License-Identifier: GPL-2.0-only

// Answers over HTTP, and sees whether its timers go on.
package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

func main() {
	var ticks int64
	go func() {
		for range time.Tick(time.Millisecond) {
			atomic.AddInt64(&ticks, 1)
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		before := atomic.LoadInt64(&ticks)
		time.Sleep(50 * time.Millisecond)
		if atomic.LoadInt64(&ticks) == before {
			w.WriteHeader(500)
		}
		fmt.Fprintln(w, "ok")
	})
	panic(http.ListenAndServe("127.0.0.1:18513", nil))
}
