package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"time"
)

const (
	podAddresses    = 250 * 250
	reservationPort = "10250" // where a node's kubelet listens, so no application's port
)

// addresses gives every pod a loopback address of its own in 127.254.0.0/16. A listening socket reserves it, so that
// clusters beside each other don't give the same one away; the kernel frees it with the process.
type addresses struct{ next int }

// address is held until it is closed.
type address struct {
	io.Closer
	ip string
}

func newAddresses(dir string) addresses {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(dir))
	return addresses{next: (int(hash.Sum32()) + int(time.Now().Unix())) % podAddresses}
}

// take reserves the wanted address when it is free, else the next free one.
func (a *addresses) take(wanted string) address {
	for range podAddresses {
		if wanted != "" {
			if listener, err := net.Listen("tcp", net.JoinHostPort(wanted, reservationPort)); err == nil {
				return address{listener, wanted}
			}
		}
		a.next = (a.next + 1) % podAddresses
		wanted = fmt.Sprintf("127.254.%d.%d", a.next/250, a.next%250+1)
	}
	return address{io.NopCloser(nil), wanted}
}
