package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	networklisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/klog/v2"
)

const (
	// podVariable tells of which pod a process is, and of every process that this one starts.
	podVariable = "RESTORE_SANDBOX_POD"
	// ignoredFile, in the cluster's directory, has it play a cluster whose network plugin enforces no policies.
	ignoredFile = "network-policies-ignored"
)

// guard judges each connection that a process of a pod begins, by the network policies of that moment. Every process
// of a pod has a filter by which the kernel asks here before its connect(2) goes on (seccomp_unotify(2)); no program
// is changed for it, and root isn't needed. Datagrams that are sent without connect(2) pass.
type guard struct {
	kubelet    *kubelet
	policies   networklisters.NetworkPolicyLister
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	hole       blackHole
}

// notification is struct seccomp_notif, response is struct seccomp_notif_resp.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	pointer    uint64
	arguments  [6]uint64
}

type response struct {
	id    uint64
	value int64
	error int32
	flags uint32
}

// filterConnections has the kernel ask about each connect(2) of the calling thread's later children; the file that it
// returns is where it asks.
func filterConnections() (int, error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	filter := []unix.SockFilter{ // struct seccomp_data begins with the number of the system call
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CONNECT, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

// serve answers the kernel for ever.
func (g *guard) serve(listener int) {
	for {
		asked := notification{}
		if errno := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)); errno == 0 {
			go func() {
				answer := g.answer(asked)
				_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)) // it may have ended meanwhile
			}()
		} else if errno != unix.EINTR && errno != unix.ENOENT {
			klog.ErrorS(errno, "connections of pods are no longer judged")
			return
		}
	}
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) syscall.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return errno
}

// answer lets a connection go on as it was asked for, or begins it to where nobody answers.
func (g *guard) answer(asked notification) response {
	goes := response{id: asked.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	address, err := readAddress(asked)
	if err == nil && !address.IsValid() || g.ignored() {
		return goes
	}
	socket, protocol, problem := openSocket(asked)
	if problem != nil {
		return refused(asked, problem)
	}
	defer func() { _ = unix.Close(socket) }()
	permitted := false
	if err == nil {
		permitted, err = g.permits(int(asked.pid), address, protocol)
	}
	switch {
	case err != nil:
		return refused(asked, err)
	case permitted:
		return goes
	}
	klog.InfoS("dropped by network policies", "pid", asked.pid, "to", address, "protocol", protocol)
	return response{id: asked.id, error: -int32(g.hole.swallow(socket))}
}

// refused is the answer to what can't be judged here: never a connection that a real cluster might drop.
func refused(asked notification, err error) response {
	klog.ErrorS(err, "refused a connection that can't be judged", "pid", asked.pid)
	return response{id: asked.id, error: -int32(unix.EPERM)}
}

func (g *guard) ignored() bool {
	_, err := os.Stat(filepath.Join(g.kubelet.dir, ignoredFile))
	return err == nil
}

func (g *guard) permits(pid int, address netip.AddrPort, protocol v1.Protocol) (bool, error) {
	policies, err := g.policies.List(labels.Everything())
	if err != nil {
		return false, err
	}
	source := g.kubelet.podOf(pid)
	if source == nil {
		return false, fmt.Errorf("process %d is of no pod", pid)
	}
	from, err := g.endOf(source)
	if err != nil {
		return false, err
	}
	to := target{end{address: address.Addr()}, protocol, int32(address.Port())}
	if other := g.kubelet.podAt(address.Addr().String()); other != nil {
		if to.end, err = g.endOf(other); err != nil {
			return false, err
		}
	}
	permitted, err := allowed(policies, from, to)
	if err != nil {
		source.event(v1.EventTypeWarning, "NetworkPolicyNotPlayed", "connection to %s refused: %v", address, err)
	}
	return permitted, err
}

// endOf has the pod's labels, and its namespace's, as they are now.
func (g *guard) endOf(p *pod) (end, error) {
	address, err := netip.ParseAddr(p.ip.ip)
	if err != nil {
		return end{}, err
	}
	object, err := g.pods.Pods(p.object.Namespace).Get(p.object.Name)
	if err != nil || object.UID != p.object.UID {
		object = p.object
	}
	namespace, err := g.namespaces.Get(p.object.Namespace)
	if err != nil {
		return end{}, err
	}
	return end{address, object, namespace.Labels}, nil
}

// podOf finds the pod of a process: by its environment, or by that of whoever started it.
func (k *kubelet) podOf(pid int) *pod {
	for ; pid > 1; pid = numberIn(pid, "PPid:") {
		content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		for _, entry := range bytes.Split(content, []byte{0}) {
			if uid, found := bytes.CutPrefix(entry, []byte(podVariable+"=")); found {
				k.mu.Lock()
				defer k.mu.Unlock()
				return k.pods[types.UID(uid)]
			}
		}
	}
	return nil
}

func (k *kubelet) podAt(address string) *pod {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if p.ip.ip == address {
			return p
		}
	}
	return nil
}

// numberIn reads a number of /proc/<pid>/status; 0 where there is none.
func numberIn(pid int, field string) int {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(content)) {
		if value, found := strings.CutPrefix(line, field); found {
			number, _ := strconv.Atoi(strings.TrimSpace(value))
			return number
		}
	}
	return 0
}

// readAddress reads what a process gave connect(2); the zero value where that is no address of the internet.
func readAddress(asked notification) (netip.AddrPort, error) {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", asked.pid))
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer func() { _ = memory.Close() }()
	content := make([]byte, min(asked.arguments[2], unix.SizeofSockaddrInet6))
	if _, err := memory.ReadAt(content, int64(asked.arguments[1])); err != nil {
		return netip.AddrPort{}, err
	}
	if len(content) < 2 {
		return netip.AddrPort{}, nil
	}
	family := binary.NativeEndian.Uint16(content)
	switch {
	case family == unix.AF_INET && len(content) >= unix.SizeofSockaddrInet4:
		address := netip.AddrFrom4([4]byte(content[4:8]))
		return netip.AddrPortFrom(address, binary.BigEndian.Uint16(content[2:])), nil
	case family == unix.AF_INET6 && len(content) >= unix.SizeofSockaddrInet6-4: // the scope may be left out
		address := netip.AddrFrom16([16]byte(content[8:24])).Unmap()
		return netip.AddrPortFrom(address, binary.BigEndian.Uint16(content[2:])), nil
	}
	return netip.AddrPort{}, nil
}

// openSocket opens the very socket that a process connects, and tells its protocol.
func openSocket(asked notification) (int, v1.Protocol, error) {
	process, err := unix.PidfdOpen(numberIn(int(asked.pid), "Tgid:"), 0)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = unix.Close(process) }()
	socket, err := unix.PidfdGetfd(process, int(asked.arguments[0]), 0)
	if err != nil {
		return 0, "", err
	}
	number, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	protocol, known := map[int]v1.Protocol{
		unix.IPPROTO_TCP: v1.ProtocolTCP, unix.IPPROTO_UDP: v1.ProtocolUDP, unix.IPPROTO_SCTP: v1.ProtocolSCTP,
	}[number]
	if err == nil && !known {
		err = fmt.Errorf("protocol %d has no network policies", number)
	}
	if err != nil {
		_ = unix.Close(socket)
	}
	return socket, protocol, err
}

// blackHole is a loopback address that takes no connection: whoever connects waits until its own timeout, as where
// packets are dropped.
type blackHole struct{ address netip.AddrPort }

// digHole listens and never accepts; one connection fills its backlog of zero, and the next SYN gets no answer
// (listen(2), Linux).
func digHole(host string, port int) (blackHole, error) {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return blackHole{}, err
	}
	hole := blackHole{netip.AddrPortFrom(address, uint16(port))}
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return hole, err
	}
	if err := errors.Join(unix.Bind(listener, hole.place()), unix.Listen(listener, 0)); err != nil {
		return hole, err
	}
	for range 2 {
		filler, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return hole, err
		}
		if err := unix.Connect(filler, hole.place()); err != nil && err != unix.EINPROGRESS {
			return hole, err
		}
	}
	return hole, nil
}

func (h blackHole) place() *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: int(h.address.Port()), Addr: h.address.Addr().As4()}
}

// swallow connects a socket to the hole, and returns what its owner's connect(2) ends with: where that waits, after
// the system's own timeout.
func (h blackHole) swallow(socket int) syscall.Errno {
	domain, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_DOMAIN)
	var place unix.Sockaddr = h.place()
	if domain == unix.AF_INET6 {
		place = &unix.SockaddrInet6{Port: int(h.address.Port()), Addr: h.address.Addr().As16()}
	}
	if err == nil {
		err = unix.Connect(socket, place)
	}
	errno := syscall.Errno(0)
	_ = errors.As(err, &errno)
	return errno
}
