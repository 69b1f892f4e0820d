//go:build vm

package vmtest

import (
	"bytes"
	"os"
	"testing"
	"time"
	"context"
)

func TestZZ(t *testing.T) {
	g := boot(t, os.Getenv("ZZKIND"), "(sleep 4; while :; do echo; uptime; grep -h ctxt /proc/1/task/*/status | tr '\\n' ' '; cat /proc/1/task/*/syscall; cat /proc/1/stat | cut -d' ' -f14,15; sleep 3; done) &\n" + counting)
	g.await(t, "counting")
	conn := g.dial(t)
	n := 100_000
	if os.Getenv("ZZN") != "" { n = 20_000 }
	t.Log(write(conn, bytes.Repeat(frame1(8, pingRequest), n)))
	time.Sleep(3*time.Second)
	if os.Getenv("ZZREAD") != "" {
		total := 0
		b := make([]byte, 1<<16)
		for {
			conn.SetReadDeadline(time.Now().Add(5*time.Second))
			k, err := conn.Read(b)
			total += k
			if err != nil { t.Log(err, total); break }
		}
		c := context.Background(); _ = c
		t.Log(write(conn, frame1(99, pingRequest)))
		conn.SetReadDeadline(time.Now().Add(5*time.Second))
		k, err := conn.Read(b)
		t.Logf("% x %v", b[:k], err)
	}
	conn.Close()
	for range 3 {
		conn := g.dial(t)
		t.Log(write(conn, frame1(98, pingRequest)))
		b := make([]byte, 1<<16)
		conn.SetReadDeadline(time.Now().Add(5*time.Second))
		k, err := conn.Read(b)
		t.Logf("%d % x %v", k, b[max(0,k-32):k], err)
		conn.Close()
	}
	c, _ := g.console.text()
	t.Log(c)
}
