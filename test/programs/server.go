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
		// On a busy machine the one may wait while the other does not.
		for i := 0; i < 100; i++ {
			time.Sleep(20 * time.Millisecond)
			if atomic.LoadInt64(&ticks) != before {
				fmt.Fprintln(w, "ok")
				return
			}
		}
		w.WriteHeader(500)
	})
	panic(http.ListenAndServe("127.0.0.1:18513", nil))
}
