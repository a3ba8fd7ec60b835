package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// logWriter puts the time before each line, so that --since, --timestamps and --previous work.
type logWriter struct {
	mu   sync.Mutex
	file *os.File
	rest []byte
}

func newLogWriter(name string) (*logWriter, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &logWriter{file: file}, err
}

func (l *logWriter) Write(content []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.SplitAfter(string(l.rest)+string(content), "\n")
	for _, line := range lines[:len(lines)-1] {
		if _, err := l.file.WriteString(time.Now().UTC().Format(time.RFC3339Nano) + " " + line); err != nil {
			return 0, err
		}
	}
	l.rest = []byte(lines[len(lines)-1])
	return len(content), nil
}

func (l *logWriter) Close() error {
	if len(l.rest) > 0 {
		_, _ = l.Write([]byte("\n"))
	}
	return l.file.Close()
}

// logFile is where one run of a container writes; the folder says which pod it was, also after the pod is gone.
func (p *pod) logFile(container string, restart int32) string {
	dir := filepath.Join(p.kubelet.root, p.object.Namespace+"_"+p.object.Name+"_"+string(p.object.UID))
	_ = os.MkdirAll(dir, 0o700)
	return filepath.Join(dir, fmt.Sprintf("%s.%d.log", container, restart))
}

// keptLog is the newest log of a container whose pod ended before this kubelet started.
func (k *kubelet) keptLog(namespace, pod, container string) (string, error) {
	found, err := filepath.Glob(filepath.Join(k.root, namespace+"_"+pod+"_*", container+".*.log"))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("container %q of pod %q has no log on this node", container, pod)
	}
	modified := func(file string) int64 {
		if info, err := os.Stat(file); err == nil {
			return info.ModTime().UnixNano()
		}
		return 0
	}
	return slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(modified(a), modified(b)) }), nil
}

func (k *kubelet) logs(w http.ResponseWriter, r *http.Request) {
	query, container := r.URL.Query(), r.PathValue("container")
	p, restart := k.find(r.PathValue("namespace"), r.PathValue("pod")), int32(0)
	var name string
	if p != nil {
		restart = p.restarts(container)
		if query.Get("previous") == "true" {
			restart--
		}
		name = p.logFile(container, restart)
	} else {
		var err error
		if name, err = k.keptLog(r.PathValue("namespace"), r.PathValue("pod"), container); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
	}
	file, err := os.Open(name)
	if err != nil {
		http.Error(w, fmt.Sprintf("container %q has no such log yet", container), http.StatusBadRequest)
		return
	}
	defer func() { _ = file.Close() }()
	reader, show := bufio.NewReader(file), shown(w, query)
	for _, line := range tail(reader, query) {
		show(line)
	}
	for query.Get("follow") == "true" && r.Context().Err() == nil {
		line, err := reader.ReadString('\n')
		if err == nil {
			show(line)
			continue
		}
		_ = http.NewResponseController(w).Flush()
		if p == nil || p.ended() || p.restarts(container) != restart {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func tail(reader *bufio.Reader, query url.Values) []string {
	var lines []string
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			break
		}
		lines = append(lines, line)
	}
	if wanted, err := strconv.Atoi(query.Get("tailLines")); err == nil && wanted < len(lines) {
		lines = lines[len(lines)-wanted:]
	}
	return lines
}

// shown writes a stored line as the query asks for it: from a time on, with its time or without.
func shown(w io.Writer, query url.Values) func(line string) {
	since := time.Time{}
	if seconds, err := strconv.Atoi(query.Get("sinceSeconds")); err == nil {
		since = time.Now().Add(-time.Duration(seconds) * time.Second)
	} else if moment, err := time.Parse(time.RFC3339, query.Get("sinceTime")); err == nil {
		since = moment
	}
	return func(line string) {
		stamp, text, _ := strings.Cut(line, " ")
		if moment, err := time.Parse(time.RFC3339Nano, stamp); err == nil && moment.Before(since) {
			return
		}
		if query.Get("timestamps") == "true" {
			text = line
		}
		_, _ = io.WriteString(w, text)
	}
}
